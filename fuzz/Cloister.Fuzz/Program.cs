using System.Diagnostics;
using System.Globalization;
using Cloister.Fuzz;
using Cloister.Fuzz.Targets;
using Cloister.Fuzz.Targets.Gateway;

// Usage: Cloister.Fuzz [--seconds N] [--seed N] [TARGET ...]
//        Cloister.Fuzz --replay FILE TARGET     an input that was printed, in hexadecimal, once more
IFuzzTarget[] targets =
[
    new EdekTarget(), new StoredValueTarget(), new ConfigurationTarget(), new KmsTarget(), new SecretsTarget(), new ServerTarget(),
    new GatewayTarget(), new GatewayPairTarget(), new EtcdMessagesTarget(), new HpackTarget(), .. AttestationTargets.All, .. DeviceTargets.All, .. AzureTargets.All, .. LaunchTargets.All,
];
if (args is ["--replay", { } file, { } name])
{
    byte[] input = Convert.FromHexString(File.ReadAllText(file).Trim());
    Stopwatch watch = Stopwatch.StartNew();
    bool taken = targets.Single(target => target.Name == name).Run(input);
    Console.Out.WriteLine($"{(taken ? "accepted" : "refused")} after {watch.ElapsedMilliseconds} ms");
    return 0;
}

int seconds = 10;
int seed = Environment.TickCount;
List<string> names = [];
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--seconds":
            seconds = int.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--seed":
            seed = int.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        default:
            names.Add(args[i]);
            break;
    }
}

if (names.Find(name => !targets.Any(target => target.Name == name)) is { } unknown)
{
    Console.Error.WriteLine($"no target {unknown}; there are: {string.Join(", ", targets.Select(target => target.Name))}");
    return 1;
}

int findings = 0;
foreach (IFuzzTarget target in targets.Where(target => names.Count == 0 || names.Contains(target.Name)))
{
    // What is accepted is kept as a new start, so that mutations go further than one step from the seeds.
    Mutator mutator = new(seed);
    List<byte[]> corpus = [.. target.Seeds];
    if (!target.Seeds.Select(seed => target.Run(seed)).ToList().Contains(true))
    {
        Console.Error.WriteLine($"fuzz {target.Name}: none of its seeds is accepted, so that no mutation of them gets far");
        findings++;
    }

    long runs = 0;
    long accepted = 0;
    Stopwatch clock = Stopwatch.StartNew();
    while (clock.Elapsed.TotalSeconds < seconds)
    {
        byte[] input = target.Mutate(mutator, corpus);
        try
        {
            // CPU time: on a busy machine anything can take long.
            TimeSpan before = Environment.CpuUsage.TotalTime;
            bool taken = target.Run(input);
            TimeSpan took = Environment.CpuUsage.TotalTime - before;
            if (took > TimeSpan.FromSeconds(5))
            {
                throw new TimeoutException($"{input.Length} bytes took {took} of CPU time");
            }

            if (taken)
            {
                accepted++;
                if (corpus.Count < 512)
                {
                    corpus.Add(input);
                }
                else if (accepted % 16 == 0)
                {
                    corpus[(int)(accepted / 16 % 512)] = input;
                }
            }
        }
        catch (Exception e)
        {
            findings++;
            Console.Error.WriteLine($"{target.Name}: seed {seed}, run {runs}: {e.GetType().Name}: {e.Message}\n{e.StackTrace}\ninput: {Convert.ToHexStringLower(input)}");
            if (findings >= 3)
            {
                return 2;
            }
        }

        runs++;
    }

    Console.Out.WriteLine($"fuzz {target.Name}: {runs} runs, {accepted} accepted, seed {seed}");
}

return findings == 0 ? 0 : 2;
