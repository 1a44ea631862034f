using System.Runtime.InteropServices;
using Cloister.Attacks.Framework;
using Cloister.Conformance.Harness;

// The attack catalogue. docs/attacks.md says how to run it and how to add to it.
const string Usage = "usage: Cloister.Attacks [--output json] [--only NAME[,NAME...]] | --list | --table | --check";

string? output = null;
string? only = null;
string? mode = null;
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--output" when i + 1 < args.Length:
            output = args[++i];
            break;
        case "--only" when i + 1 < args.Length:
            only = args[++i];
            break;
        case "--list" or "--table" or "--check" when mode is null:
            mode = args[i];
            break;
        default:
            Console.Error.WriteLine(Usage);
            return 1;
    }
}

if (output is not (null or "" or "json" or "text"))
{
    Console.Error.WriteLine(Usage);
    return 1;
}

switch (mode)
{
    case "--list":
        Console.WriteLine(string.Join('\n', Catalogue.All.Select(attack => attack.Name)));
        return 0;
    case "--table":
        Documents.WriteTable(Repository.Root);
        return 0;
    case "--check":
        IReadOnlyList<string> found = Documents.Faults(Repository.Root);
        Console.Error.WriteLine(found.Count == 0 ? "documents and catalogue agree" : string.Join('\n', found));
        return found.Count == 0 ? 0 : 2;
}

// A name, the beginning of some, or several.
string[] names = only?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
IReadOnlyList<Attack> attacks = [.. Catalogue.All.Where(attack => names.Length == 0 || names.Any(name => attack.Name.StartsWith(name, StringComparison.Ordinal)))];
if (names.FirstOrDefault(name => !attacks.Any(attack => attack.Name.StartsWith(name, StringComparison.Ordinal))) is { } unknown)
{
    Console.Error.WriteLine($"no attack's name begins with '{unknown}'; --list has them all");
    return 1;
}

using CancellationTokenSource stop = new();
void OnSignal(PosixSignalContext signal)
{
    // What was started is stopped first.
    signal.Cancel = true;
    stop.Cancel();
}

using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
IReadOnlyList<Result> results;
try
{
    results = await new Runner(line => Console.Error.WriteLine($"attacks: {line}")).RunAsync(attacks, stop.Token);
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 1;
}

// Of a part, the documents say nothing.
IReadOnlyList<string>? documents = names.Length == 0 ? Documents.Faults(Repository.Root) : null;
if (output == "json")
{
    Console.WriteLine(Report.Json(results));
    Console.Error.WriteLine(Report.Text(results, documents));
}
else
{
    Console.WriteLine(Report.Text(results, documents));
}

return results.Any(result => result.Fault is not null) || documents is { Count: > 0 } ? 2 : 0;
