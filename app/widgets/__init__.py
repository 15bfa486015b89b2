"""Widgets that the screens share."""

from app.widgets.image_editor import ImageEditor
from app.widgets.image_view import ImageView
from app.widgets.notice import Notice, words
from app.widgets.pieces import Card, ElidedLabel, EmptyState, PageHeader, StatTile, button, indent, label
from app.widgets.score_bar import ScoreBar
from app.widgets.thumbnail_strip import Thumbnail, ThumbnailStrip, thumbnail
from app.widgets.trend_chart import TrendChart, plot_widget
from app.widgets.verdict_banner import VerdictBanner

__all__ = [
    "Card",
    "ElidedLabel",
    "EmptyState",
    "ImageEditor",
    "ImageView",
    "Notice",
    "PageHeader",
    "ScoreBar",
    "StatTile",
    "Thumbnail",
    "ThumbnailStrip",
    "TrendChart",
    "VerdictBanner",
    "button",
    "indent",
    "label",
    "plot_widget",
    "thumbnail",
    "words",
]
