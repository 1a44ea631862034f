using System.CommandLine;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Policies;
using Cloister.Cli.Output;

namespace Cloister.Cli.Policy;

/// <summary><c>cloister policy from-measurement</c>: the policy that accepts one measured enclave.</summary>
internal static class PolicyFromMeasurementCommand
{
    internal static Command Create()
    {
        Option<Tee> tee = new("--tee") { Description = "sgx, tdx, snp or nitro", Required = true };
        tee.AcceptOnlyFromAmong("sgx", "tdx", "snp", "nitro");
        MeasurementOptions measurements = new();
        Option<string> name = new("--name") { Description = "name of the policy", DefaultValueFactory = _ => "measured" };
        Option<string[]> configurations = new("--config") { Description = "the enclave's configuration file, whose digest the policy states; may be repeated" };
        Option<string[]> any = new("--any") { Description = "waive this rule; may be repeated" };
        Option<bool> release = new("--kek-policy") { Description = "print kind: ReleasePolicy, which a broker releases a KEK by" };
        Option<string> duration = new("--lease-duration") { Description = "with --kek-policy", DefaultValueFactory = _ => "1h" };
        Option<string> grace = new("--lease-grace") { Description = "with --kek-policy: how long reads go on after the lease", DefaultValueFactory = _ => "0s" };
        Option<long?> wraps = new("--wraps") { Description = "with --kek-policy: encryptions between renewals" };
        Option<long?> unwraps = new("--unwraps") { Description = "with --kek-policy: decryptions between renewals" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("from-measurement", "Print the policy that accepts one measured enclave. What is neither measured, strict by itself nor waived is left out, and refuses.")
        {
            tee, name, configurations, any, release, duration, grace, wraps, unwraps, output,
        };
        foreach (Option option in measurements.All)
        {
            command.Options.Add(option);
        }

        command.SetAction(parsed =>
        {
            measurements.Take(parsed, parsed.GetValue(tee));
            string title = Plain("--name", parsed.GetValue(name)!);
            List<byte[]> files = [.. (parsed.GetValue(configurations) ?? []).Select(File.ReadAllBytes)];
            string[] waived = parsed.GetValue(any) ?? [];
            MeasuredPolicy policy = new MeasuredPolicy(parsed.GetValue(tee), MeasuredSection.For(parsed.GetValue(tee), measurements, files)).Waiving(waived);
            string appraisal = policy.ToAppraisalPolicy(title);
            Check(appraisal);
            if (!parsed.GetValue(release))
            {
                RefuseUnusedConfiguration(policy.Tee, files.Count);
                return Print(appraisal, policy.Missing, parsed.GetValue(output));
            }

            bool anyConfiguration = waived.Contains(MeasuredPolicy.ConfigDigests);
            if (anyConfiguration == files.Count > 0)
            {
                throw new CliException($"--kek-policy needs the enclave's configuration (--config FILE), or --any {MeasuredPolicy.ConfigDigests}, not both");
            }

            string lease = LeaseText(parsed.GetValue(duration)!, parsed.GetValue(grace)!, parsed.GetValue(wraps), parsed.GetValue(unwraps));
            return Print(policy.ToReleasePolicy(title, anyConfiguration ? null : files, lease), policy.Missing, parsed.GetValue(output));
        });
        return command;
    }

    /// <summary>A release policy's lease as YAML on one line.</summary>
    /// <exception cref="CliException">A budget is missing, or a value is no plain word.</exception>
    internal static string LeaseText(string duration, string grace, long? wraps, long? unwraps) => wraps is >= 0 && unwraps is >= 0
        ? $"{{ duration: {Plain("--lease-duration", duration)}, grace: {Plain("--lease-grace", grace)}, wraps: {wraps}, unwraps: {unwraps} }}"
        : throw new CliException("--kek-policy needs --wraps and --unwraps: how many uses there may be between renewals");

    // The reader that judges evidence has the last word on every value.
    private static void Check(string appraisal)
    {
        PolicyReadResult read = AppraisalPolicyReader.Read(appraisal);
        if (!read.IsValid)
        {
            throw new CliException($"a value is not acceptable: {string.Join("; ", read.Errors.Select(error => $"{error.Path}: {error.Problem}"))}");
        }
    }

    private static void RefuseUnusedConfiguration(Tee tee, int files)
    {
        if (files > 0 && tee is Tee.Sgx or Tee.Nitro)
        {
            throw new CliException($"--config without --kek-policy says nothing for --tee {tee.ToString().ToLowerInvariant()}: there the configuration is part of the measurement");
        }
    }

    /// <summary>A plain word.</summary>
    /// <exception cref="CliException">It has other characters.</exception>
    internal static string Plain(string option, string value) => value.Length is > 0 and <= 200 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
        ? value
        : throw new CliException($"{option} has letters, digits, '-', '_' and '.' only");

    private static int Print(string text, IReadOnlyList<string> missing, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(new JsonObject { ["yaml"] = text, ["missing"] = new JsonArray([.. missing.Select(rule => (JsonNode)rule)]) });
        }
        else
        {
            Console.Out.Write(text);
        }

        if (missing.Count > 0)
        {
            Console.Error.WriteLine($"cloister: this policy refuses everything until these rules are stated, or waived with --any RULE: {string.Join(", ", missing)}");
        }

        return ExitCode.Done;
    }
}
