package dev.fathom.http;

import dev.fathom.serve.TextService;
import dev.fathom.serve.TextStream;
import java.util.function.Function;

/**
 * A generating request, read and checked.
 *
 * @param id      its name for logs and for abort
 * @param begin   submits it
 * @param format  how the answer looks; made once the answer has begun, used for that answer only
 * @param stream  as server-sent events instead of one JSON object
 */
record Call(
        String id,
        Function<TextService, TextStream> begin,
        Function<TextStream, AnswerFormat> format,
        boolean stream) {}
