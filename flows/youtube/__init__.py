"""YouTube: asking yt-dlp for a video, understanding its answer, and fetching ten seconds of its media."""
