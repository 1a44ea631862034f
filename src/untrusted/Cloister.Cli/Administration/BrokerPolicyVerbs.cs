using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary>Policies of a broker: <c>cloister policy validate|set|show|list|dry-run</c>.</summary>
internal static class BrokerPolicyVerbs
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    internal static Command Validate()
    {
        Option<string> file = Policy();
        return BrokerVerb.Create("validate", "Ask a broker whether it takes a policy: exit 2, with every error, when not. Changes nothing.", [file], async (broker, parsed, output, cancellation) =>
        {
            // A dry run over no time: the broker's own reader, without evidence.
            DryRunRequest nothing = new(File.ReadAllText(parsed.GetValue(file)!), DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
            string errors = "";
            try
            {
                await broker.DryRunAsync(nothing, cancellation);
            }
            catch (AdministrationRefusedException e) when (e.Error == AdminErrors.BadRequest)
            {
                errors = e.Message;
            }

            if (output == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["valid"] = errors.Length == 0, ["errors"] = errors });
            }
            else
            {
                Console.Out.WriteLine(errors.Length == 0 ? "it is a policy" : errors);
            }

            return errors.Length == 0 ? ExitCode.Done : ExitCode.No;
        });
    }

    internal static Command Set()
    {
        (Option<string> name, Option<string> file, Option<string?> approve) = (Name(), Policy(), BrokerKekVerbs.Approve());
        return BrokerVerb.Create("set", "Put a policy in force.", [name, file, approve], async (broker, parsed, output, cancellation) =>
        {
            PolicyDocument policy = await broker.SetPolicyAsync(parsed.GetValue(name)!, File.ReadAllText(parsed.GetValue(file)!), cancellation, parsed.GetValue(approve));
            return BrokerVerb.Print(policy, AdminJson.Default.PolicyDocument, output, () => Table([policy]));
        });
    }

    internal static Command Show()
    {
        Option<string> name = Name();
        Option<int?> version = new("--version") { Description = "an earlier version; the one in force when left out" };
        return BrokerVerb.Create("show", "Print a policy.", [name, version], async (broker, parsed, output, cancellation) =>
        {
            IReadOnlyList<PolicyDocument> versions = await broker.GetPolicyAsync(parsed.GetValue(name)!, cancellation);
            PolicyDocument policy = versions.FirstOrDefault(one => one.Version == (parsed.GetValue(version) ?? versions[^1].Version))
                ?? throw new CliException($"policy {parsed.GetValue(name)} has versions 1 to {versions[^1].Version}", ExitCode.No);
            return BrokerVerb.Print(policy, AdminJson.Default.PolicyDocument, output, () => Console.Out.Write(policy.Yaml));
        });
    }

    internal static Command List() => BrokerVerb.Create("list", "Show the policies in force.", [], async (broker, _, output, cancellation) =>
    {
        IReadOnlyList<PolicyDocument> policies = await broker.ListPoliciesAsync(cancellation);
        return BrokerVerb.Print(new PolicyList(policies), AdminJson.Default.PolicyList, output, () => Table(policies));
    });

    internal static Command DryRun()
    {
        Option<string> file = Policy();
        Option<DateTimeOffset?> from = BrokerOptionTypes.Moment("--from", "evidence from then on; a week ago when left out");
        Option<DateTimeOffset?> to = BrokerOptionTypes.Moment("--to", "evidence before then; now when left out");
        Option<string?> cluster = new("--cluster") { Description = "only evidence for a cluster" };
        Option<string?> kek = new("--kek") { Description = "only evidence for a KEK" };
        return BrokerVerb.Create(
            "dry-run", "What would this policy have refused of the evidence that the broker kept: exit 2 if it refuses any that was accepted.", [file, from, to, cluster, kek],
            async (broker, parsed, output, cancellation) =>
            {
                DateTimeOffset until = parsed.GetValue(to) ?? DateTimeOffset.UtcNow;
                DryRunResult result = await broker.DryRunAsync(
                    new DryRunRequest(
                        File.ReadAllText(parsed.GetValue(file)!), parsed.GetValue(from) ?? until - Week, until, parsed.GetValue(cluster), parsed.GetValue(kek)),
                    cancellation);
                BrokerVerb.Print(result, AdminJson.Default.DryRunResult, output, () => Table(result));
                if (result.Truncated)
                {
                    await Console.Error.WriteLineAsync("cloister: there is more evidence in that time than one run looks at: ask for a shorter time");
                }

                if (result.Accepted + result.Refused == 0)
                {
                    await Console.Error.WriteLineAsync("cloister: the broker kept no evidence of that time, so this says nothing of the policy: see --from, --to, --cluster and --kek");
                }

                return result.Verdicts.Any(verdict => verdict.WasAccepted && !verdict.Accepted) ? ExitCode.No : ExitCode.Done;
            });
    }

    private static Option<string> Name() => new("--name") { Description = "name of the policy", Required = true };

    private static Option<string> Policy() => CliOutput.Path("--file", "the policy, YAML of kind ReleasePolicy");

    private static void Table(DryRunResult result)
    {
        CliOutput.Table(
            ["at", "instance", "TEE", "cluster", "KEK", "then", "now", "why"],
            result.Verdicts.Select(verdict => (IReadOnlyList<string>)
            [
                BrokerVerb.Moment(verdict.At), verdict.Instance, verdict.Tee, verdict.Cluster, verdict.Kek, Word(verdict.WasAccepted), Word(verdict.Accepted), verdict.Detail,
            ]));
        Console.Out.WriteLine($"{result.Accepted} accepted, {result.Refused} refused");
    }

    private static string Word(bool accepted) => accepted ? "accepted" : "refused";

    private static void Table(IEnumerable<PolicyDocument> policies) => CliOutput.Table(
        ["policy", "version", "set at", "by", "SHA-256", "roots besides the vendors'"],
        policies.Select(policy => (IReadOnlyList<string>)
        [
            policy.Name, policy.Version.ToString(CultureInfo.InvariantCulture), BrokerVerb.Moment(policy.UpdatedAt), policy.UpdatedBy, policy.Digest, string.Join(' ', policy.OtherRoots),
        ]));
}
