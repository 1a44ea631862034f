using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Administration.Client;
using Cloister.Audit;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary><c>cloister audit</c>: a broker's audit log.</summary>
internal static class AuditCommand
{
    private static readonly TimeSpan TailInterval = TimeSpan.FromSeconds(1);

    internal static Command Create() => new("audit", "A broker's audit log.") { Export(), Verify(), Tail() };

    private static Command Export()
    {
        Option<long> from = From();
        return BrokerVerb.Create("export", "Print the log as JSON lines, which 'audit verify' checks.", [from], async (broker, parsed, _, cancellation) =>
        {
            await foreach (string line in broker.ReadAuditAsync(parsed.GetValue(from), cancellation))
            {
                await Console.Out.WriteLineAsync(line.AsMemory(), cancellation);
            }

            return ExitCode.Done;
        });
    }

    private static Command Tail()
    {
        Option<long> from = From();
        Option<bool> follow = new("--follow") { Description = "wait for more, until it is stopped" };
        return BrokerVerb.Create("tail", "Print entries as they come, one a line.", [from, follow], async (broker, parsed, output, cancellation) =>
        {
            long next = parsed.GetValue(from);
            do
            {
                next = await PrintAsync(broker, next, output, cancellation);
                if (parsed.GetValue(follow))
                {
                    await Task.Delay(TailInterval, cancellation);
                }
            }
            while (parsed.GetValue(follow));
            return ExitCode.Done;
        });
    }

    private static Command Verify()
    {
        Argument<string> file = new("FILE") { Description = "what 'audit export' printed" };
        Option<string> pin = new("--pin") { Description = "the broker's pin, sha256:...", Required = true };
        Option<string?> continues = new("--continues") { Description = "an earlier export: prove that this one extends it" };
        Option<string?> checkpoints = new("--checkpoints") { Description = "checkpoints that were kept elsewhere, lines as the broker sends them: prove that the log is what they say" };
        Option<string[]> witnesses = new("--witness") { Description = "key of a witness, NAME+ID+KEY, whose cosignature there has to be (repeatable)" };
        (Option<long> from, Option<OutputFormat> output) = (From(), CliOutput.Option());
        Command command = new("verify", "Check a log without its broker: exit 2 when an entry was removed, changed or moved, a signature is not the broker's, it does not extend what --continues and --checkpoints have, or there are no entries.")
        {
            file, pin, continues, checkpoints, witnesses, from, output,
        };
        command.SetAction(parsed =>
        {
            AuditCheck check = new(Pin(parsed.GetValue(pin)!), [.. (parsed.GetValue(witnesses) ?? []).Select(Witness)], parsed.GetValue(from));
            AuditVerdict verdict = check.Run(parsed.GetValue(file)!, parsed.GetValue(continues), parsed.GetValue(checkpoints));
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject
                {
                    ["good"] = verdict.IsGood, ["firstBadSeq"] = verdict.FirstBadSeq, ["problem"] = verdict.Problem, ["lastSeq"] = verdict.LastSeq,
                    ["lastCheckpointSeq"] = verdict.LastCheckpointSeq, ["prunedTo"] = verdict.PrunedTo, ["root"] = Convert.ToHexStringLower(verdict.Head.Root),
                });
            }
            else
            {
                Console.Out.WriteLine(verdict.IsGood
                    ? $"good: entries up to {verdict.LastSeq}, signed up to {verdict.LastCheckpointSeq}{(verdict.PrunedTo > 0 ? $", without contents up to {verdict.PrunedTo}" : "")}"
                    : $"NOT good: entry {verdict.FirstBadSeq}: {verdict.Problem}");
            }

            if (verdict is { IsGood: true, LastCheckpointSeq: 0 })
            {
                Console.Error.WriteLine("cloister: NOTHING IN IT IS SIGNED yet: anybody can have written it. Export it again once the broker signed a checkpoint, within minutes");
            }

            return verdict.IsGood ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static string Pin(string text)
    {
        try
        {
            return BrokerPin.Parse(text).ToString();
        }
        catch (FormatException e)
        {
            throw new CliException($"--pin: {e.Message}");
        }
    }

    private static NoteKey Witness(string text)
    {
        try
        {
            return NoteKey.Parse(text);
        }
        catch (FormatException e)
        {
            throw new CliException($"--witness: {e.Message}");
        }
    }

    private static async Task<long> PrintAsync(AdministrationClient broker, long next, OutputFormat output, CancellationToken cancellation)
    {
        int number = 0;
        await foreach (string line in broker.ReadAuditAsync(next, cancellation))
        {
            number++;
            if (AuditLines.Parse(line, number).Entry is { } entry)
            {
                string at = BrokerVerb.Moment(DateTimeOffset.FromUnixTimeMilliseconds(entry.Time));
                await Console.Out.WriteLineAsync((output == OutputFormat.Json ? line : $"{entry.Seq} {at} {entry.Kind} {entry.Details}").AsMemory(), cancellation);
                next = entry.Seq + 1;
            }
        }

        return next;
    }

    private static Option<long> From()
    {
        Option<long> from = new("--from") { Description = "number of the first entry", DefaultValueFactory = _ => 1 };
        from.Validators.Add(result =>
        {
            if (result.Tokens is [{ } token] && long.TryParse(token.Value, System.Globalization.CultureInfo.InvariantCulture, out long value) && value < 1)
            {
                result.AddError("--from is the number of an entry, 1 or more");
            }
        });
        return from;
    }
}
