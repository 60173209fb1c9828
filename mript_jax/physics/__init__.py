"""The physics of a scan, and nothing of files, configs or training."""

from mript_jax.public import public_names

__all__, __getattr__ = public_names(
    __name__,
    {
        "fourier": "fft2c ifft2c",
        "masks": "Mask PATTERNS draw_mask sample_mask true_acceleration",
        "mask_files": "load_mask save_mask",
        "tasks": "TASKS Task make_task task_grid",
        "coils": "combine compress_coils estimate_sensitivities expand root_sum_of_squares",
        "espirit": "espirit sensitivity_maps",
        "noise": "estimate_noise prewhiten",
        "measurement": "Measurement adjoint forward gradient normal solve start zero_filled_image",
        "crop": "center_crop crop_kspace crop_readout",
        "artifacts": "ARTIFACTS add_artifact",
    },
)
