package dev.fathom.http;

import dev.fathom.text.answer.Answer;
import dev.fathom.text.answer.AnswerPart;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An answer as a row of blocks, as Anthropic's Messages and OpenAI's Responses have it: each is reasoning, text or a call,
 * and ends where the next one begins.
 */
final class AnswerBlocks {
    enum Kind {
        REASONING,
        TEXT,
        CALL
    }

    /** One block; its text grows until it is closed. */
    static final class Block {
        private final int index;
        private final Kind kind;
        private final String function;
        private final StringBuilder text = new StringBuilder();
        private boolean whole = true;

        private Block(int index, Kind kind, String function) {
            this.index = index;
            this.kind = kind;
            this.function = function;
        }

        /** Counts the answer's blocks from 0. */
        int index() {
            return index;
        }

        Kind kind() {
            return kind;
        }

        /** The called function's name; empty where nothing is called. */
        String function() {
            return function;
        }

        /** What is there so far; of a call the arguments, as JSON. */
        String text() {
            return text.toString();
        }

        /** False for a call that broke: its text follows as a block of its own. */
        boolean whole() {
            return whole;
        }
    }

    /** Hears of blocks while they are written. */
    interface Listener {
        void opened(Block block);

        void grew(Block block, String more);

        void closed(Block block);
    }

    private final Listener listener;
    private final List<Block> all = new ArrayList<>();
    private @Nullable Block open;

    AnswerBlocks(Listener listener) {
        this.listener = listener;
    }

    /** The blocks of a whole answer. */
    static List<Block> of(Answer answer) {
        List<Block> blocks = new ArrayList<>();
        add(blocks, Kind.REASONING, "", answer.reasoning());
        add(blocks, Kind.TEXT, "", answer.content());
        answer.calls().forEach(call -> add(blocks, Kind.CALL, call.name(), call.arguments()));
        return blocks;
    }

    private static void add(List<Block> blocks, Kind kind, String function, String text) {
        if (!text.isEmpty()) {
            Block block = new Block(blocks.size(), kind, function);
            block.text.append(text);
            blocks.add(block);
        }
    }

    void add(List<AnswerPart> parts) {
        parts.forEach(this::add);
    }

    /** The answer has ended. */
    void end() {
        if (open != null) {
            listener.closed(open);
            open = null;
        }
    }

    /** Those there are so far. */
    List<Block> all() {
        return List.copyOf(all);
    }

    private void add(AnswerPart part) {
        switch (part) {
            case AnswerPart.Reasoning more -> grow(Kind.REASONING, more.text());
            case AnswerPart.Content more -> grow(Kind.TEXT, more.text());
            case AnswerPart.CallBegin begin -> open(Kind.CALL, begin.name());
            case AnswerPart.CallArguments more -> grow(Kind.CALL, more.json());
            case AnswerPart.CallEnd ended -> end();
            case AnswerPart.CallDropped dropped -> {
                if (open != null) {
                    open.whole = false;
                }
                end();
            }
        }
    }

    private void grow(Kind kind, String more) {
        if (more.isEmpty()) {
            return;
        }
        Block block = open != null && open.kind == kind ? open : open(kind, "");
        block.text.append(more);
        listener.grew(block, more);
    }

    private Block open(Kind kind, String function) {
        end();
        Block block = new Block(all.size(), kind, function);
        all.add(block);
        open = block;
        listener.opened(block);
        return block;
    }
}
