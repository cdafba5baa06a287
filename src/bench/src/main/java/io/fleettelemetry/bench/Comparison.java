package io.fleettelemetry.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * How contestants do in one place. They take turns, because only ratios to what has just been measured beside it mean
 * anything on a machine that is shared.
 *
 * @param entries the first is what the others are compared with
 */
record Comparison(String title, List<Entry> entries) {

    /**
     * What was measured of one contestant.
     *
     * @param rounds in the order in which they were measured
     * @param delay to the confirmation at a steady rate; null if that was not measured
     */
    record Entry(String name, List<Cost> rounds, Delay delay) {

        double median(ToDoubleFunction<Cost> figure) {
            return middle(rounds.stream().mapToDouble(figure).toArray());
        }
    }

    /** The median over the rounds of what an entry has, as a ratio to what the first one has in the same round. */
    double ratio(Entry entry, ToDoubleFunction<Cost> figure) {
        List<Cost> bare = entries.get(0).rounds;
        double[] ratios = new double[bare.size()];
        Arrays.setAll(ratios, i -> figure.applyAsDouble(entry.rounds.get(i)) / figure.applyAsDouble(bare.get(i)));
        return middle(ratios);
    }

    private static double middle(double[] figures) {
        Arrays.sort(figures);
        return figures[figures.length / 2];
    }

    static Comparison of(Place place, int rounds, List<Contestant> contestants) throws Exception {
        List<List<Cost>> costs = contestants.stream()
                .<List<Cost>>map(contestant -> new ArrayList<>())
                .toList();
        System.out.printf("%s: %,d records a round%n", place.title(), place.records());
        for (int round = -1; round < rounds; round++) { // the first one warms up
            for (int i = 0; i < contestants.size(); i++) {
                Cost cost = Cost.of(contestants.get(i), place);
                if (round >= 0) {
                    costs.get(i).add(cost);
                    print(contestants.get(i), cost);
                }
            }
        }
        List<Entry> entries = new ArrayList<>();
        for (int i = 0; i < contestants.size(); i++) {
            Delay delay = place.isStored() ? Delay.steady(contestants.get(i), place) : null;
            entries.add(new Entry(contestants.get(i).name(), costs.get(i), delay));
        }
        return new Comparison(place.title(), entries);
    }

    private static void print(Contestant contestant, Cost cost) {
        System.out.printf(
                "    %-24s %,10.0f /s   CPU %6.3f us, of the server %6.3f us   garbage %7.1f B%n",
                contestant.name(), cost.perSecond(), cost.clientMicros(), cost.serverMicros(), cost.garbage());
    }
}
