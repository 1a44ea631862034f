using System.CommandLine;
using System.Globalization;
using Cloister.AdminApi;
using Cloister.Administration.Client;
using Cloister.Cli.Etcd.Scan;
using Cloister.Cli.Output;

namespace Cloister.Cli.Administration;

/// <summary>KEKs of a broker: <c>cloister kek list|create|rotate|enable|disable|destroy|cancel-destroy</c>.</summary>
internal static class BrokerKekVerbs
{
    // Enclaves that watch know the new version at once, all others when they renew.
    private static readonly TimeSpan RotationNotice = TimeSpan.FromMinutes(5);

    internal static Option<string> Name() => new("--name") { Description = "name of the KEK", Required = true };

    internal static Option<int> Version() => new("--version") { Description = "version of the KEK", Required = true };

    internal static Option<string?> Approve() => new("--approve") { Description = "the request of another administrator that this approves" };

    internal static async Task<int> ListAsync(AdministrationClient broker, string? cluster, OutputFormat output, CancellationToken cancellation)
    {
        IReadOnlyList<KekSummary> keks = await broker.ListKeksAsync(cluster, cancellation);
        return BrokerVerb.Print(new KekList(keks), AdminJson.Default.KekList, output, () => Table(keks));
    }

    internal static async Task<int> CreateAsync(AdministrationClient broker, CreateKekRequest request, OutputFormat output, CancellationToken cancellation) =>
        Print(await broker.CreateKekAsync(request, cancellation), output);

    internal static Command Rotate()
    {
        (Option<string> name, Option<TimeSpan?> notice) = (Name(), BrokerOptionTypes.Span("--active-in", "when writes begin to use the new version; 5m unless said"));
        return BrokerVerb.Create("rotate", "Make the next version of a broker's KEK.", [name, notice], async (broker, parsed, output, cancellation) =>
        {
            TimeSpan wait = parsed.GetValue(notice) ?? RotationNotice;
            DateTimeOffset? activeAt = wait == TimeSpan.Zero ? null : DateTimeOffset.UtcNow + wait;
            return Print(await broker.RotateKekAsync(parsed.GetValue(name)!, activeAt, cancellation), output);
        });
    }

    internal static Command Enable()
    {
        (Option<string> name, Option<int> version, Option<string?> approve) = (Name(), Version(), Approve());
        return BrokerVerb.Create("enable", "Enable a version that was disabled.", [name, version, approve], async (broker, parsed, output, cancellation) =>
            Print(await broker.EnableAsync(parsed.GetValue(name)!, parsed.GetValue(version), cancellation, parsed.GetValue(approve)), output));
    }

    internal static Command Disable()
    {
        (Option<string> name, Option<int> version, KekRemovalOptions removal) = (Name(), Version(), Removal());
        return BrokerVerb.Create(
            "disable",
            "Take a version out of use, once a scan of all of etcd found no value that needs it. Enclaves stop using it at their next renewal, at once where they watch. Without the one that writes use, writes stop until 'kek rotate': an older key_id never comes back. Exit 2 when a value needs it.",
            [name, version, .. removal.All],
            async (broker, parsed, output, cancellation) =>
            {
                (string kek, int number) = (parsed.GetValue(name)!, parsed.GetValue(version));
                KekScanRecord? scan = await ClearAsync(broker, kek, number, removal.Read(parsed), refusesActive: false, cancellation);
                return Print(await broker.DisableAsync(kek, number, new DisableKekRequest(scan), cancellation), output);
            });
    }

    internal static Command Destroy()
    {
        (Option<string> name, Option<int> version, Option<string?> approve) = (Name(), Version(), Approve());
        Option<TimeSpan?> delay = BrokerOptionTypes.Span("--delay", "how long it can be taken back, at least 24h");
        delay.Required = true;
        Option<string> confirm = new("--yes-destroy") { Description = "the KEK's name again: what was written with the version is lost for ever", Required = true };
        KekRemovalOptions removal = Removal();
        return BrokerVerb.Create("destroy", "Order the destruction of a version of a broker's KEK, once a scan of all of etcd found no value that needs it.", [name, version, delay, confirm, approve, .. removal.All], async (broker, parsed, output, cancellation) =>
        {
            if (parsed.GetValue(confirm) != parsed.GetValue(name))
            {
                throw new CliException("--yes-destroy has to repeat the KEK's name");
            }

            KekScanRecord? scan = await ClearAsync(broker, parsed.GetValue(name)!, parsed.GetValue(version), removal.Read(parsed), refusesActive: true, cancellation);
            DestroyKekRequest request = new((long)parsed.GetValue(delay)!.Value.TotalSeconds, parsed.GetValue(confirm)!, parsed.GetValue(approve), scan);
            TwoPersonAnswer<KekSummary> answer = await broker.DestroyAsync(parsed.GetValue(name)!, parsed.GetValue(version), request, cancellation);
            return answer.Waiting is { } waiting ? BrokerVerb.PrintWaiting(waiting, output) : Print(answer.Done!, output);
        });
    }

    internal static Command CancelDestroy()
    {
        (Option<string> name, Option<int> version, Option<string?> approve) = (Name(), Version(), Approve());
        return BrokerVerb.Create("cancel-destroy", "Take an order to destroy back. The version is disabled then.", [name, version, approve], async (broker, parsed, output, cancellation) =>
            Print(await broker.CancelDestroyAsync(parsed.GetValue(name)!, parsed.GetValue(version), cancellation, parsed.GetValue(approve)), output));
    }

    /// <summary>Prints a KEK.</summary>
    internal static int Print(KekSummary kek, OutputFormat output) => BrokerVerb.Print(kek, AdminJson.Default.KekSummary, output, () => Table([kek]));

    // Both can be taken back for a while, so one look after the other is enough.
    private static KekRemovalOptions Removal() => new(confirm: 0, "NAME/VERSION");

    // Null: the broker itself will refuse, and says why.
    private static async Task<KekScanRecord?> ClearAsync(AdministrationClient broker, string name, int version, KekRemoval removal, bool refusesActive, CancellationToken cancellation)
    {
        IReadOnlyList<KekSummary> keks = await broker.ListKeksAsync(null, cancellation);
        KekVersionSummary? found = keks.FirstOrDefault(kek => kek.Name == name)?.Versions.FirstOrDefault(known => known.Version == version);
        return found is null || (found.Active && refusesActive)
            ? null
            : await removal.ClearAsync(
                [found.KeyId], [.. keks.SelectMany(kek => kek.Versions.Select(known => known.KeyId))],
                string.Create(CultureInfo.InvariantCulture, $"{name}/{version}"), TimeProvider.System, cancellation);
    }

    private static void Table(IReadOnlyList<KekSummary> keks) => CliOutput.Table(
        ["KEK", "cluster", "policy", "store", "version", "key_id", "state", "writes", "from", "destroyed at"],
        keks.SelectMany(kek => kek.Versions.Select(version => (IReadOnlyList<string>)
        [
            kek.Name, kek.Cluster, kek.Policy, kek.Release ? kek.Store : $"{kek.Store}, not released", version.Version.ToString(CultureInfo.InvariantCulture), version.KeyId,
            version.State, version.Active ? "active" : "", BrokerVerb.Moment(version.ActiveAt), BrokerVerb.Moment(version.DestroyAt),
        ])));
}
