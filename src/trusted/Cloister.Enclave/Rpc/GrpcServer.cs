using System.Net.Sockets;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Kms;
using Cloister.Enclave.Transport;
using Cloister.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Cloister.Enclave.Rpc;

/// <summary>One listening socket with the methods it serves. secrets: pass through.</summary>
public sealed class GrpcServer : IAsyncDisposable
{
    private const int Backlog = 1024;

    /// <summary>Bytes that a peer may send ahead of what is read of them.</summary>
    internal const int ConnectionWindow = 128 * 1024;

    private readonly KestrelServer _server;
    private readonly ListenAddress _address;
    private readonly IDisposable _socket;
    private readonly ConnectionGate _gate;
    private readonly RequestBudget _budget;

    private GrpcServer(KestrelServer server, ListenAddress address, IDisposable socket, ConnectionGate gate, RequestBudget budget)
    {
        _gate = gate;
        _budget = budget;
        _server = server;
        _address = address;
        _socket = socket;
    }

    /// <summary>Port of a TCP address, which may have been chosen by the system.</summary>
    public int? Port { get; private init; }

    /// <summary>Listens.</summary>
    /// <param name="role">What it is for, in logs.</param>
    /// <param name="options">Address, permissions, limits.</param>
    /// <param name="methods">gRPC paths and what serves them.</param>
    /// <param name="tee">Short name of the TEE, sent with every answer.</param>
    /// <param name="counters">Where failures are counted.</param>
    /// <param name="log">The log.</param>
    /// <exception cref="ListenException">The socket cannot be opened safely.</exception>
    public static async Task<GrpcServer> StartAsync(
        string role, ServerOptions options, IEnumerable<KeyValuePair<string, UnaryHandler>> methods, string tee, KmsCounters counters, EnclaveLog log)
    {
        VsockListener? vsock = options.Address.EndPoint is VsockEndPoint endPoint ? VsockListener.Bind(endPoint, Backlog) : null;
        Socket? socket = vsock is null ? options.Address.Bind(options.Permissions) : null;
        IDisposable listening = vsock is null ? socket! : vsock;
        KestrelServerOptions kestrel = new() { AddServerHeader = false, AllowSynchronousIO = false };
        kestrel.RequestHeaderEncodingSelector = AnyAuthority.Select;

        // ConnectionGate has a limit that lets idle connections give way; the application refuses what is too large by its first bytes.
        kestrel.Limits.MaxConcurrentConnections = null;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);

        // Not infinite: with an infinite one Kestrel closes every idle connection within about a second (seen under real API-server code).
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromDays(365);
        kestrel.Limits.Http2.MaxStreamsPerConnection = options.MaxCalls;

        // What a peer may send ahead of the application, which takes it as it comes.
        kestrel.Limits.Http2.InitialConnectionWindowSize = ConnectionWindow;
        kestrel.Limits.Http2.InitialStreamWindowSize = 128 * 1024;
        ConnectionGate gate = new(role, options, counters, log);
        RequestBudget budget = new(options.RequestMemory, counters);
        kestrel.Listen(options.Address.EndPoint, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.Use(gate.Before);
        });

        // Waiting for data with empty reads hangs under Gramine.
        SocketTransportOptions transport = new()
        {
            WaitForDataBeforeAllocatingBuffer = false,
            NoDelay = true,
            Backlog = Backlog,
            IOQueueCount = 1,
            CreateBoundListenSocket = _ => socket!,
        };
        NullLoggerFactory silent = NullLoggerFactory.Instance;
        IConnectionListenerFactory listeners = vsock is null
            ? new SocketTransportFactory(Options.Create(transport), silent)
            : new VsockTransport(vsock, silent.CreateLogger("vsock"));
        KestrelServer server = new(Options.Create(kestrel), gate.Paced(listeners), silent);
        try
        {
            CallFailures failures = new(log, counters);
            await server.StartAsync(new GrpcApplication(methods, options.MaxMessageSize, tee, budget, failures), CancellationToken.None);
        }
        catch
        {
            server.Dispose();
            listening.Dispose();
            budget.Dispose();
            gate.Dispose();
            throw;
        }

        int? port = (socket?.LocalEndPoint as System.Net.IPEndPoint)?.Port;
        string at = port is null ? options.Address.Text : $"tcp:127.0.0.1:{port}";
        log.Listening(role, at);
        if (options.Address.Path is null && options.RelayPins.Count == 0)
        {
            log.Unauthenticated(role, at);
        }

        return new GrpcServer(server, options.Address, listening, gate, budget) { Port = port };
    }

    /// <summary>Stops taking calls, lets those under way end within a moment, and removes the socket file.</summary>
    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(2));
        await _server.StopAsync(patience.Token);
        _server.Dispose();
        _socket.Dispose();
        _budget.Dispose();
        _gate.Dispose();
        if (_address.Path is { } path)
        {
            File.Delete(path);
        }
    }
}
