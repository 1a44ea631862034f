using System.CommandLine;
using System.Globalization;
using Cloister.AdminApi;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary><c>cloister enclaves</c>: leases of a broker, which of them will be refused, and revocations.</summary>
internal static class EnclavesCommand
{
    internal static Command Create() => new("enclaves", "Enclaves that have a lease of a broker, revocations, and the certificate by which API servers know gateways.") { List(), Forecast(), Revoke(), Revocations(), Lift(), Ca() };

    private static Command List()
    {
        Option<string?> cluster = new("--cluster") { Description = "only those of a cluster" };
        Option<bool> ended = new("--ended") { Description = "leases that are over, too" };
        return BrokerVerb.Create("list", "Show the enclaves that have a lease.", [cluster, ended], async (broker, parsed, output, cancellation) =>
        {
            IReadOnlyList<EnclaveLease> leases = await broker.ListEnclavesAsync(parsed.GetValue(cluster), parsed.GetValue(ended), cancellation);
            return BrokerVerb.Print(new EnclaveList(leases), AdminJson.Default.EnclaveList, output, () => CliOutput.Table(
                ["instance", "TEE", "measurement", "platform", "cluster", "KEK", "until", "renewed", "wraps", "unwraps", "revoked", "root"],
                leases.Select(lease => (IReadOnlyList<string>)
                [
                    lease.Instance, lease.Tee, lease.Measurement, lease.Platform, lease.Cluster, lease.Kek, BrokerVerb.Moment(lease.Until), Text(lease.Renewals),
                    Text(lease.Wraps), Text(lease.Unwraps), lease.Revoked, lease.OtherRoots.Count == 0 ? "vendor's" : "OTHER",
                ])));
        });
    }

    private static Command Forecast()
    {
        Option<string?> cluster = new("--cluster") { Description = "only those of a cluster" };
        return BrokerVerb.Create(
            "forecast", "Say which enclaves will be refused, and why: exit 2 when some will, or it cannot be told.", [cluster], async (broker, parsed, output, cancellation) =>
            {
                FleetForecast seen = await broker.ForecastAsync(cancellation);
                if (parsed.GetValue(cluster) is { } one)
                {
                    seen = FleetForecast.Of(seen.At, seen.Days, seen.Truncated, [.. seen.Enclaves.Where(enclave => enclave.Cluster == one)]);
                }

                BrokerVerb.Print(seen, AdminJson.Default.FleetForecast, output, () => PrintForecast(seen));
                if (seen.WithoutEarly > 0)
                {
                    await Console.Error.WriteLineAsync($"cloister: the source has no early collateral for {seen.WithoutEarly} enclaves: a TCB recovery that refuses them is not seen ahead");
                }

                return seen.Failing + seen.Unknown == 0 && !seen.Truncated ? ExitCode.Done : ExitCode.No;
            });
    }

    private static void PrintForecast(FleetForecast seen)
    {
        CliOutput.Table(
            ["outlook", "cluster", "KEK", "TEE", "instance", "platform", "policy", "early", "why"],
            seen.Enclaves.Select(one => (IReadOnlyList<string>)
            [
                Say(one.Outlook, seen.Days), one.Cluster, one.Kek, one.Tee, one.Instance, one.Platform, one.Policy, one.Early ? "looked at" : "-", one.Detail,
            ]));
        Console.Out.WriteLine($"{seen.Enclaves.Count} enclaves, {seen.Failing} will be refused, {seen.Unknown} cannot be told{(seen.Truncated ? ", MORE WERE NOT LOOKED AT" : "")}");
    }

    private static string Say(string outlook, int days) => outlook switch
    {
        Outlooks.RefusedNow => "REFUSED at the next renewal",
        Outlooks.RefusedByEarly => "REFUSED when early collateral counts",
        Outlooks.RefusedSoon => $"REFUSED within {days} days",
        Outlooks.Unknown => "unknown",
        _ => outlook,
    };

    private static Command Revoke()
    {
        (Option<string> kind, Option<string> value) = (Kind(), Value());
        Option<string> reason = new("--reason") { Description = "why, for those who read it later", Required = true };
        return BrokerVerb.Create("revoke", "Revoke: at once where enclaves watch, otherwise at their next renewal.", [kind, value, reason], async (broker, parsed, output, cancellation) =>
            Print(await broker.RevokeAsync(new RevokeRequest(parsed.GetValue(kind)!, parsed.GetValue(value)!, parsed.GetValue(reason)!), cancellation), "it was revoked already", output));
    }

    private static Command Lift()
    {
        (Option<string> kind, Option<string> value, Option<string?> approve) = (Kind(), Value(), BrokerKekVerbs.Approve());
        return BrokerVerb.Create("lift", "Take a revocation back.", [kind, value, approve], async (broker, parsed, output, cancellation) =>
            Print(await broker.LiftAsync(new LiftRequest(parsed.GetValue(kind)!, parsed.GetValue(value)!, parsed.GetValue(approve)), cancellation), "it was not revoked", output));
    }

    private static Command Revocations() => BrokerVerb.Create("revocations", "Show the revocations in force.", [], async (broker, _, output, cancellation) =>
    {
        IReadOnlyList<RevocationEntry> revocations = await broker.ListRevocationsAsync(cancellation);
        return BrokerVerb.Print(new RevocationList(revocations), AdminJson.Default.RevocationList, output, () => CliOutput.Table(
            ["kind", "value", "reason", "since", "by"],
            revocations.Select(entry => (IReadOnlyList<string>)[entry.Kind, entry.Value, entry.Reason, BrokerVerb.Moment(entry.At), entry.By])));
    });

    private static Command Ca() => BrokerVerb.Create("ca", "Print the authority's certificate, PEM: the CA file of API servers whose gateway has its certificate from the broker.", [], async (broker, _, output, cancellation) =>
    {
        AuthorityCertificate authority = new(await broker.AuthorityCertificateAsync(cancellation));
        return BrokerVerb.Print(authority, AdminJson.Default.AuthorityCertificate, output, () => Console.Out.Write(authority.Certificate));
    });

    private static int Print(bool changed, string otherwise, OutputFormat output) => BrokerVerb.Print(
        new ChangeResult(changed), AdminJson.Default.ChangeResult, output, () => Console.Out.WriteLine(changed ? "done" : otherwise));

    private static Option<string> Kind()
    {
        Option<string> kind = new("--kind") { Description = "instance, measurement, platform or kek", Required = true };
        kind.AcceptOnlyFromAmong("instance", "measurement", "platform", "kek");
        return kind;
    }

    private static Option<string> Value() => new("--value") { Description = "which, as 'enclaves list' and 'kek list' show it", Required = true };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
