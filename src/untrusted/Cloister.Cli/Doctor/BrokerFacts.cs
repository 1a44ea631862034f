using Cloister.AdminApi;
using Cloister.Audit;
using Cloister.Cli.Administration;

namespace Cloister.Cli.Doctor;

/// <summary>What a broker says to its administrator.</summary>
internal sealed record BrokerFacts
{
    /// <summary>Longest that a broker is waited for.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(50);

    internal required IReadOnlyList<KekSummary> Keks { get; init; }

    internal required FleetForecast Forecast { get; init; }

    internal required IReadOnlyList<EnclaveLease> Leases { get; init; }

    internal required CollateralStatus Collateral { get; init; }

    /// <summary>Entries of the audit log about shares and drills.</summary>
    internal required IReadOnlyList<AuditEntry> Recovery { get; init; }

    /// <summary>Until when the administrator's key is good; empty: long enough.</summary>
    internal string KeyExpires { get; init; } = "";

    /// <summary>Asks with a context file.</summary>
    internal static async Task<BrokerFacts> AskAsync(string contextFile)
    {
        using CancellationTokenSource deadline = new(Limit);
        using BrokerSession session = BrokerOptions.Open(contextFile);
        List<AuditEntry> recovery = [];
        int number = 0;
        await foreach (string line in session.Client.ReadAuditAsync(1, deadline.Token))
        {
            if (AuditLines.Parse(line, ++number).Entry is { Kind: "kek.export" or "kek.drill" } entry)
            {
                recovery.Add(entry);
            }
        }

        return new BrokerFacts
        {
            Keks = await session.Client.ListKeksAsync(null, deadline.Token),
            Forecast = await session.Client.ForecastAsync(deadline.Token),
            Leases = await session.Client.ListEnclavesAsync(null, false, deadline.Token),
            Collateral = await session.Client.CollateralAsync(deadline.Token),
            Recovery = recovery,
            KeyExpires = session.Client.KeyExpires ?? "",
        };
    }
}
