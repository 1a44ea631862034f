using System.Text.Json.Nodes;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.Host.Hosting;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cloister.Broker.Host.Audit;

/// <summary>
/// <c>--accept-audit-log</c>: takes the audit log in the database for what it is, after an old database was put back on purpose. It is another log from then
/// on, with a name of its own, and its first entry says what was given up.
/// </summary>
internal static class AuditAcceptance
{
    /// <summary>Accepts.</summary>
    /// <returns><c>accepted audit log ORIGIN, N entries</c>.</returns>
    /// <exception cref="BrokerStateException">The database does not answer, or its log has gaps.</exception>
    /// <exception cref="KeyStores.KeyStoreException">The root key does not answer.</exception>
    /// <exception cref="IOException">What is remembered cannot be written.</exception>
    public static async Task<string> RunAsync(BrokerConfiguration configuration, TimeProvider clock, CancellationToken cancellation)
    {
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(configuration.Database), clock, cancellation);
        await using BrokerKeys keys = await BrokerKeys.OpenAsync(configuration, state, new BrokerLog(NullLogger<BrokerLog>.Instance), clock, cancellation);
        HeadMemory memory = HeadMemory.Of(configuration, keys.Authority.Id);
        RememberedHead? remembered = Remembered(memory);
        AuditTree tree = await state.AcceptAsync(cancellation);

        // Another broker accepted it before: it is that one's log by now.
        bool isAccepted = remembered is not null && remembered.Origin != keys.Checkpoints.Origin;
        string origin = isAccepted ? keys.Checkpoints.Origin : await AuditOrigin.RenewAsync(state, keys.Authority.Id, clock.GetUtcNow(), cancellation);
        await state.AppendAsync(
            new AuditEvent("audit.accepted", new JsonObject
            {
                ["host"] = Environment.MachineName, ["origin"] = origin, ["size"] = tree.Size, ["root"] = Convert.ToHexStringLower(tree.Head.Root),
                ["rememberedOrigin"] = remembered?.Origin ?? "", ["rememberedSize"] = remembered?.Size ?? 0,
                ["rememberedRoot"] = remembered is null ? "" : Convert.ToHexStringLower(remembered.Tree().Head.Root),
            }),
            CancellationToken.None);
        memory.Forget();
        memory.Write(RememberedHead.Of(origin, tree));
        return $"accepted audit log {origin}, {tree.Size} entries";
    }

    private static RememberedHead? Remembered(HeadMemory memory)
    {
        try
        {
            return memory.Read();
        }
        catch (BrokerStateException)
        {
            return null; // damaged: what it was is not known
        }
    }
}
