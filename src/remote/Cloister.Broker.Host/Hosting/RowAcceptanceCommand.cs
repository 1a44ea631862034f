using Cloister.Broker.Administration;
using Cloister.Broker.Host.Configuration;
using Cloister.Broker.State;
using Cloister.Broker.State.Rows;
using Cloister.KeyStores.RootKeys;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// <c>--accept-rows [DIGEST]</c>: shows how the database differs from what brokers left, and accepts exactly that difference when its digest is given
/// (docs/broker.md, "Authenticated rows"). secrets: as the row key.
/// </summary>
internal static class RowAcceptanceCommand
{
    /// <summary>Shows, or accepts.</summary>
    /// <returns>What to print.</returns>
    /// <exception cref="BrokerStateException">The database does not answer, has no key for its rows, or differs in another way.</exception>
    /// <exception cref="KeyStores.KeyStoreException">A root key does not answer, or is another one.</exception>
    /// <exception cref="IOException">What is kept in the state directory cannot be read or written.</exception>
    public static async Task<string> RunAsync(BrokerConfiguration configuration, string? digest, TimeProvider clock, CancellationToken cancellation)
    {
        await using SqlBrokerState state = await SqlBrokerState.OpenAsync(DatabaseAddress.Parse(configuration.Database), clock, cancellation);
        await using WrappedKeys wrapped = await BrokerKeys.OpenWrappedAsync(configuration, state, cancellation);
        using RowKey key = await RowKeys.OpenOrMakeAsync(wrapped, cancellation);
        RowHeadFile? outside = configuration.StateDirectory is { } directory ? new RowHeadFile(directory) : null;
        if (digest is not null)
        {
            await state.AcceptRowsAsync(key, outside, digest, cancellation);
            return "accepted: brokers that run have to be started again, with this command first where they have a state directory of their own";
        }

        RowAcceptance difference = await state.CompareRowsAsync(key, outside, cancellation);
        return difference.Lines.Count == 0
            ? "the database is as brokers left it"
            : string.Join('\n', [.. difference.Lines, $"nothing was changed; to accept exactly this: --accept-rows {difference.Digest}"]);
    }
}
