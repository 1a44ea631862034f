using System.Net;
using Cloister.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace Cloister.Enclave.Transport;

/// <summary>Gives Kestrel one vsock listener. secrets: none.</summary>
internal sealed class VsockTransport : IConnectionListenerFactory
{
    private readonly VsockListener _listener;
    private readonly ILogger _logger;

    /// <summary>Takes the listener over.</summary>
    internal VsockTransport(VsockListener listener, ILogger logger)
    {
        _listener = listener;
        _logger = logger;
    }

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        // As for the other sockets: waiting for data with empty reads hangs under Gramine, and costs a call here.
        SocketConnectionContextFactory connections = new(new SocketConnectionFactoryOptions { WaitForDataBeforeAllocatingBuffer = false }, _logger);
        return ValueTask.FromResult<IConnectionListener>(new VsockConnections(_listener, endpoint, connections));
    }
}
