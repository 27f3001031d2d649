/** Rank 3: Llama and Qwen2: grouped-query attention over cached keys and values, dense MLPs. */
@NullMarked
package dev.fathom.model.llama;

import org.jspecify.annotations.NullMarked;
