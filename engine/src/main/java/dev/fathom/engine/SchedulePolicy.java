package dev.fathom.engine;

/** In which order waiting requests are admitted ({@code --schedule-policy}). */
public enum SchedulePolicy {
    /** First come, first served. */
    FCFS,
    /**
     * Longest cached prefix first. With more than 128 waiting requests the order is first come, first served: looking
     * every prefix up would cost more than it saves.
     */
    LPM
}
