using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Cloister.Attestation.Policies;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Output;

namespace Cloister.Cli.Config;

/// <summary><c>cloister config validate</c>: whether the program that reads a file would take it, and every reason why not. Nothing is started, asked or changed.</summary>
internal static class ConfigValidateCommand
{
    private const string BrokerProgram = "cloister-broker";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private static readonly string[] Kinds = ["EncryptionConfiguration", "EncryptionConfig", "EnclaveConfiguration", "BrokerConfiguration", AppraisalPolicyReader.Kind];

    internal static Command Create()
    {
        Argument<string[]> files = new("FILE")
        {
            Description = "an EncryptionConfiguration, EnclaveConfiguration, BrokerConfiguration or AppraisalPolicy; may be repeated", Arity = ArgumentArity.OneOrMore,
        };
        Option<bool> reload = EncryptionConfigurationOptions.Reload();
        Option<bool> kmsV1 = EncryptionConfigurationOptions.KmsV1();
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("validate", "Say whether the program that reads a file would start with it. Exit 0 yes, 2 no, with every reason, 1 when a file cannot be read.")
        {
            files, reload, kmsV1, output,
        };
        command.SetAction(async (parsed, cancellation) =>
        {
            List<Verdict> verdicts = [];
            foreach (string path in parsed.GetValue(files)!)
            {
                string text = await File.ReadAllTextAsync(path, cancellation);
                (string kind, IReadOnlyList<string> errors) = await LookAsync(path, text, parsed.GetValue(reload), parsed.GetValue(kmsV1), cancellation);
                verdicts.Add(new Verdict(path, kind, errors));
            }

            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(verdicts is [var only] ? only.ToJson() : new JsonArray([.. verdicts.Select(verdict => (JsonNode)verdict.ToJson())]));
            }
            else
            {
                verdicts.ForEach(verdict => Console.Out.WriteLine(verdict.ToText()));
            }

            return verdicts.TrueForAll(verdict => verdict.Errors.Count == 0) ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    /// <summary>Whether a text is of a kind that a program here reads.</summary>
    internal static bool Reads(string text) => Kinds.Any(kind => text.Contains($"\nkind: {kind}\n", StringComparison.Ordinal));

    /// <summary>The program that reads such a text, when it is one of its own and not this one; what only the simulated enclave reads says so.</summary>
    internal static string? ProgramFor(string text) => text.Contains("\nkind: BrokerConfiguration\n", StringComparison.Ordinal) ? BrokerProgram
        : text.Contains("\nkind: EnclaveConfiguration\n", StringComparison.Ordinal) ? EnclaveProgram(text) : null;

    /// <summary>What a file is, and every reason why the program that reads it would not take it.</summary>
    internal static async Task<(string Kind, IReadOnlyList<string> Errors)> LookAsync(string path, string text, bool reload, bool kmsV1, CancellationToken cancellation)
    {
        string kind;
        try
        {
            kind = PlainValues.Read(text) is JsonObject fields && fields["kind"] is JsonValue value && value.TryGetValue(out string? name) ? CliOutput.Shown(name) : "";
        }
        catch (FormatException e)
        {
            return ("", [$"not YAML: {e.Message}"]);
        }

        return kind switch
        {
            "EncryptionConfiguration" or "EncryptionConfig" => (kind, EncryptionConfigurationReader.Read(text, reload, kmsV1).Errors),
            AppraisalPolicyReader.Kind => (kind, [.. AppraisalPolicyReader.Read(text).Errors.Select(error => error.ToString()!)]),
            "EnclaveConfiguration" => (kind, await AskAsync(EnclaveProgram(text), ["--needs", "--config", path], path, cancellation)),
            "BrokerConfiguration" => (kind, await AskAsync(BrokerProgram, ["--config", path, "--check"], path, cancellation)),
            _ => (kind, [$"no program here reads {(kind.Length == 0 ? "a file without a kind" : $"kind {kind}")}: EncryptionConfiguration, EnclaveConfiguration, BrokerConfiguration, AppraisalPolicy"]),
        };
    }

    private static string EnclaveProgram(string text) => text.Contains("\nsimulation:", StringComparison.Ordinal) ? "cloister-enclave-sim" : "cloister-enclave";

    // Its own reader says it, in its own words.
    private static async Task<IReadOnlyList<string>> AskAsync(string program, string[] arguments, string path, CancellationToken cancellation)
    {
        ProcessStartInfo start = new(ChildProgram.Locate(program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start) ?? throw new CliException($"{program} cannot be started");
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(Timeout);
        try
        {
            Task<string> said = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.StandardOutput.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            string[] lines = (await said).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            string[] errors = [.. lines.Where(line => line[0] != '*' && line[^1] != ':').Select(line => line.Replace($"{path}:", "", StringComparison.Ordinal).Trim())];
            return process.ExitCode == 0 ? [] : errors.Length > 0 ? errors : [$"{program} ended with exit code {process.ExitCode} and said nothing"];
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            process.Kill();
            throw new CliException($"{program} did not answer within {Timeout.TotalSeconds} s");
        }
    }

    private sealed record Verdict(string File, string Kind, IReadOnlyList<string> Errors)
    {
        internal JsonObject ToJson() => new()
        {
            ["file"] = File, ["kind"] = Kind, ["accepted"] = Errors.Count == 0, ["errors"] = new JsonArray([.. Errors.Select(error => (JsonNode)error)]),
        };

        internal string ToText() => Errors.Count == 0 ? $"{File}: accepted ({Kind})" : string.Join('\n', Errors.Select(error => $"{File}: {error}"));
    }
}
