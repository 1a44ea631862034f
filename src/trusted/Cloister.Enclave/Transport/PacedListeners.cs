using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Cloister.Enclave.Transport;

/// <summary>
/// Listeners for Kestrel that wait while a table is clogged: what was told to close holds memory until it has closed. secrets: pass through.
/// </summary>
internal sealed class PacedListeners(IConnectionListenerFactory listeners, ConnectionTable table) : IConnectionListenerFactory
{
    private const int WaitMilliseconds = 5;

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Paced(await listeners.BindAsync(endpoint, cancellationToken), table);

    private sealed class Paced(IConnectionListener listener, ConnectionTable table) : IConnectionListener
    {
        private readonly CancellationTokenSource _stop = new();

        public EndPoint EndPoint => listener.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (table.IsClogged && !_stop.IsCancellationRequested)
            {
                await Task.Delay(WaitMilliseconds, cancellationToken);
            }

            return await listener.AcceptAsync(cancellationToken);
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await _stop.CancelAsync();
            await listener.UnbindAsync(cancellationToken);
        }

        public async ValueTask DisposeAsync()
        {
            await listener.DisposeAsync();
            _stop.Dispose();
        }
    }
}
