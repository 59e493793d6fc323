"""How others read clips, said plainly: OpenCV and PIL for pictures, librosa for sound; yardsticks of ours."""

from pathlib import Path

import cv2
import librosa
import numpy as np
from numpy.typing import NDArray
from PIL import Image


def frames_by_cv2_and_pil(
    path: Path, fps: float = 25.0, short_side: int = 256, size: int = 224
) -> NDArray[np.uint8]:
    """As video_features does it: OpenCV decodes, PIL scales each picture, the centre is cut out.

    Kinder than the original, which makes floats of them, and encodes a file anew to change its rate: here, a
    picture that is not on screen at any time i / fps is decoded but not scaled.
    """
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    own_fps, frames, number = capture.get(cv2.CAP_PROP_FPS), [], 0
    while True:
        there, picture = capture.read()
        if not there:
            return np.stack(frames)
        number += 1
        times = [i for i in range(len(frames), len(frames) + 100) if i / fps < number / own_fps - 1e-6]
        if not times:
            continue
        image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        short = min(image.size)
        to = tuple(int(short_side * side / short) for side in image.size)
        scaled = np.asarray(image.resize(to, Image.Resampling.BILINEAR))
        top, left = (to[1] - size) // 2, (to[0] - size) // 2
        frames += [scaled[top : top + size, left : left + size]] * len(times)


def log_mel_by_librosa(path: Path) -> NDArray[np.float32]:
    """The two calls that most programs consist of; 16 kHz, 64 bands, windows of 25 ms every 10 ms."""
    sound, rate = librosa.load(path, sr=16_000, mono=True)
    mel = librosa.feature.melspectrogram(
        y=sound, sr=rate, n_fft=512, win_length=400, hop_length=160, n_mels=64, fmin=125, fmax=7500
    )
    return np.log(mel + 0.01).T
