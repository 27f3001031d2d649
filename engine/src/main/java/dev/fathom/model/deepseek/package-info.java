/** Rank 3: DeepSeek-V3: multi-head latent attention, mixture of experts, YaRN, the next-n prediction layer. */
@NullMarked
package dev.fathom.model.deepseek;

import org.jspecify.annotations.NullMarked;
