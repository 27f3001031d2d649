/** Rank 3: DeepSeek-V2 and V3: multi-head latent attention, mixture of experts, YaRN, the next-n prediction layer. */
@NullMarked
package dev.fathom.model.deepseek;

import org.jspecify.annotations.NullMarked;
