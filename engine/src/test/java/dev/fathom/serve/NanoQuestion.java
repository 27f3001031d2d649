package dev.fathom.serve;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.Pattern;

/**
 * A question of the kinds that the embedded model was trained on, with its one right answer.
 *
 * @param answer  a word or number that must stand by itself in what the model says, or JSON that must be all of it
 */
record NanoQuestion(String text, String answer) {
    private static final List<String> NAMES = List.of("Priya", "Anna", "Tom", "Maria", "Omar", "Lena", "Ben", "Sara");
    private static final List<String> CITIES = List.of("Tokyo", "Oslo", "Paris", "Madrid", "Cairo", "Lima", "Rome");
    private static final List<String> JOBS = List.of("pilot", "teacher", "nurse", "baker", "doctor", "painter");
    private static final List<String> COLOURS = List.of("black", "silver", "red", "grey", "blue", "yellow", "green");
    private static final List<String> THINGS = List.of("key", "train", "ocean", "banana", "kitchen", "kite", "river");
    private static final List<List<String>> CAPITALS = List.of(
            List.of("France", "Paris"),
            List.of("Norway", "Oslo"),
            List.of("Spain", "Madrid"),
            List.of("Italy", "Rome"),
            List.of("Japan", "Tokyo"),
            List.of("Egypt", "Cairo"),
            List.of("Peru", "Lima"),
            List.of("Sweden", "Stockholm"));

    static List<NanoQuestion> random(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<NanoQuestion> questions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            questions.add(
                    switch (i % 5) {
                        case 0 -> sum(random);
                        case 1 -> difference(random);
                        case 2 -> code(random);
                        case 3 -> json(random);
                        default -> random.nextInt(5) == 0 ? capital(random) : code(random);
                    });
        }
        return questions;
    }

    private static NanoQuestion sum(SplittableRandom random) {
        int a = random.nextInt(10, 100);
        int b = random.nextInt(10, 100);
        return new NanoQuestion("What is " + a + " + " + b + "?", Integer.toString(a + b));
    }

    private static NanoQuestion difference(SplittableRandom random) {
        int a = random.nextInt(50, 100);
        int b = random.nextInt(1, 50);
        return new NanoQuestion("Calculate " + a + " - " + b + ".", Integer.toString(a - b));
    }

    private static NanoQuestion capital(SplittableRandom random) {
        List<String> pair = CAPITALS.get(random.nextInt(CAPITALS.size()));
        return new NanoQuestion("What is the capital of " + pair.get(0) + "?", pair.get(1));
    }

    private static NanoQuestion code(SplittableRandom random) {
        StringBuilder notes = new StringBuilder("Read these notes.\n");
        int asked = random.nextInt(4);
        String room = "";
        String answer = "";
        for (int i = 0; i < 4; i++) {
            String name = COLOURS.get(i) + " " + THINGS.get(random.nextInt(THINGS.size()));
            String code = Integer.toString(random.nextInt(10_000, 100_000));
            notes.append("The code of the ")
                    .append(name)
                    .append(" room is ")
                    .append(code)
                    .append(".\n");
            if (i == asked) {
                room = name;
                answer = code;
            }
        }
        return new NanoQuestion(notes + "What is the code of the " + room + " room?", answer);
    }

    private static NanoQuestion json(SplittableRandom random) {
        String name = NAMES.get(random.nextInt(NAMES.size()));
        String city = CITIES.get(random.nextInt(CITIES.size()));
        String job = JOBS.get(random.nextInt(JOBS.size()));
        int age = random.nextInt(20, 70);
        return new NanoQuestion(
                "Extract name, city as JSON: " + name + " is " + age + " years old, lives in " + city
                        + " and works as a " + job + ".",
                "{\"name\": \"" + name + "\", \"city\": \"" + city + "\"}");
    }

    boolean isRight(String said) {
        return answer.startsWith("{")
                ? said.strip().equals(answer)
                : Pattern.compile("(?<![\\w])" + Pattern.quote(answer) + "(?![\\w])")
                        .matcher(said)
                        .find();
    }
}
