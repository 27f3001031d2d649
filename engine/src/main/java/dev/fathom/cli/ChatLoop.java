package dev.fathom.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;

/** A conversation on a terminal: lines in, streamed answers out, commands that begin with a slash. */
final class ChatLoop {
    private static final String HELP = """
            /reset             forget the conversation
            /think on|off      let the model reason before it answers, where its template can
            /system TEXT       set the system message and start anew; without TEXT remove it
            /stats             figures of this session
            /help              this list
            /exit              leave; so does the end of the input (Ctrl-D)
            Ctrl-C stops an answer; at the prompt it leaves.
            """;

    private final Terminal terminal;
    private final ChatBackend backend;
    private final List<ChatBackend.Message> messages = new ArrayList<>();
    private final AtomicReference<Optional<Cancellation>> answering = new AtomicReference<>(Optional.empty());
    private final ChatTotals totals = new ChatTotals();
    private ChatBackend.Settings settings;

    ChatLoop(Terminal terminal, ChatBackend backend, ChatBackend.Settings settings, Optional<String> system) {
        this.terminal = terminal;
        this.backend = backend;
        this.settings = settings;
        system.ifPresent(text -> messages.add(new ChatBackend.Message("system", text)));
    }

    /**
     * Stops the answer that is being made. Called from another thread, for Ctrl-C.
     *
     * @return whether there was one
     */
    boolean interrupt() {
        Optional<Cancellation> current = answering.get();
        current.ifPresent(Cancellation::cancel);
        return current.isPresent();
    }

    /** Runs until the input ends or the user leaves. */
    void run() throws IOException, InterruptedException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(terminal.in(), StandardCharsets.UTF_8));
        if (terminal.inputIsTerminal()) {
            status().println("Chatting with " + backend.description() + ". /help lists the commands.");
        }
        while (true) {
            if (terminal.inputIsTerminal()) {
                terminal.out().print("\n> ");
                terminal.out().flush();
            }
            String line = lines.readLine();
            if (line == null) {
                return;
            }
            String text = line.strip();
            if (text.startsWith("/")) {
                if (!command(text)) {
                    return;
                }
            } else if (!text.isEmpty()) {
                answer(text);
            }
        }
    }

    /** @return false to leave */
    private boolean command(String line) {
        int space = line.indexOf(' ');
        String name = space < 0 ? line : line.substring(0, space);
        String argument = space < 0 ? "" : line.substring(space).strip();
        switch (name.toLowerCase(Locale.ROOT)) {
            case "/exit", "/quit", "/bye" -> {
                return false;
            }
            case "/help", "/?" -> status().print(HELP);
            case "/reset" -> reset();
            case "/think" -> think(argument);
            case "/system" -> system(argument);
            case "/stats" -> status().print(totals.report());
            default -> status().println(name + " is no command; /help lists them.");
        }
        return true;
    }

    private void reset() {
        messages.removeIf(message -> !message.role().equals("system"));
        status().println("The conversation starts anew.");
    }

    private void think(String argument) {
        switch (argument.toLowerCase(Locale.ROOT)) {
            case "on", "off" -> {
                settings = settings.withThinking(argument.equalsIgnoreCase("on"));
                status().println("Thinking is " + argument.toLowerCase(Locale.ROOT) + ".");
            }
            default -> status().println("/think takes on or off.");
        }
    }

    private void system(String text) {
        messages.clear();
        if (!text.isEmpty()) {
            messages.add(new ChatBackend.Message("system", text));
        }
        status().println("The conversation starts anew, " + (text.isEmpty() ? "without" : "with")
                + " a system message.");
    }

    private void answer(String question) throws InterruptedException {
        messages.add(new ChatBackend.Message("user", question));
        Cancellation cancellation = new Cancellation();
        AnswerPrinter printer = new AnswerPrinter(terminal);
        answering.set(Optional.of(cancellation));
        try {
            ChatBackend.Answer answer = backend.answer(List.copyOf(messages), settings, cancellation, printer);
            printer.end();
            messages.add(new ChatBackend.Message("assistant", answer.text()));
            totals.add(answer);
            status().println(ChatTotals.line(answer));
        } catch (CliException e) {
            printer.endReasoning();
            messages.removeLast(); // as if it had not been asked
            status().println("fathom: " + e.getMessage());
            if (!terminal.inputIsTerminal()) {
                throw e;
            }
        } finally {
            answering.set(Optional.empty());
        }
    }

    /** Where everything goes that is not an answer: with a pipe for output, answers stay alone in it. */
    private PrintStream status() {
        return terminal.outputIsTerminal() ? terminal.out() : terminal.err();
    }
}
