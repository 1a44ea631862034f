using System.Net.Sockets;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Values;
using Cloister.Enclave.Wire.Http2;
using Cloister.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The gateway: an API server connects to it as to etcd, and finds Secrets in clear that etcd holds encrypted. A thread accepts, two serve
/// each connection: an API server holds few, and blocking threads cost the least for each message. secrets: seeds, and what passes through.
/// </summary>
public sealed class EtcdGateway : IAsyncDisposable
{
    private const int DrainMilliseconds = 1000;
    private const int JoinMilliseconds = 1000;

    private readonly GatewayParts _parts;
    private readonly EtcdConnector _connector;
    private readonly GatewayListener _listener;
    private readonly GatewayConnections _connections;
    private readonly LeasedCertificate? _certificate;
    private readonly TlsFileWatch _tlsFiles;
    private readonly EnclaveLog _log;
    private readonly Dictionary<ConnectionEnd, LogRateLimiter> _endLines = Enum.GetValues<ConnectionEnd>().ToDictionary(end => end, _ => new LogRateLimiter());

    /// <summary>Listens.</summary>
    /// <param name="options">Configuration.</param>
    /// <param name="values">Turns values over.</param>
    /// <param name="custody">Whose lease certificates and authorities come with; not owned.</param>
    /// <param name="log">Log.</param>
    /// <exception cref="ListenException">The port cannot be had.</exception>
    /// <exception cref="StartException">A certificate file is not what it should be, or a broker is to issue it and the custody uses none.</exception>
    public EtcdGateway(GatewayOptions options, IValueCipher values, ICustody custody, EnclaveLog log)
    {
        _log = log;
        _connections = new GatewayConnections(options.MaxConnections, Ended);
        _certificate = options.CertificatePath is null ? Certificate(custody, log) : null;
        GatewayTls tls = new(options, log, _certificate is null ? null : _certificate.Take, custody.Certificates);
        Socket socket = options.Listen.Bind(new SocketPermissions());
        EtcdMessages messages = new(
            new GatewayRules(options.Prefixes, options.Mode, options.Uncovered), new LoggedValues(values, Counters, log), options.MaxMessageSize);
        _connector = new EtcdConnector(options.Endpoints, tls, Counters, log)
        {
            Left = LeaveSickMembers,
            Back = () => Leave(connection => connection.IsWithoutEtcd, "etcd is there again"),
        };
        _parts = new GatewayParts(
            tls, _connector, messages, options.MaxMessageSize, new MemoryBudget(options.Memory), new MemoryBudget(options.CallMemory), Counters, log, Ended);
        (Counters.Tls, Counters.Issued, Counters.Budgets) = (tls, _certificate, [_parts.Budget, _parts.Calls]);
        _tlsFiles = new TlsFileWatch(tls, Counters, log);
        _listener = new GatewayListener(socket, Begin, Ended, Look);
        Port = _listener.EndPoint.Port;
        _connector.Start();
        _listener.Start();
        if (options.Clients.Count == 0)
        {
            log.EveryClient();
        }

        if (options.Uncovered.Count > 0)
        {
            log.Uncovered(string.Join(", ", options.Uncovered));
        }

        log.Listening("gateway", $"tcp:{_listener.EndPoint}");
    }

    /// <summary>What it did so far.</summary>
    public GatewayCounters Counters { get; } = new();

    /// <summary>The port, which may have been chosen by the system.</summary>
    public int Port { get; }

    /// <summary>Takes no more connections, lets calls under way end within a moment, closes, and wipes every seed.</summary>
    public async ValueTask DisposeAsync()
    {
        // First of all: whoever comes from now on is refused at once.
        _listener.Dispose();
        List<KeyValuePair<GatewayConnection, Thread>> open = _connections.Stop();
        long until = Environment.TickCount64 + DrainMilliseconds;

        // Each on its own: one that does not read keeps no other from being told.
        await Task.WhenAny(Task.WhenAll(open.Select(pair => Task.Run(() => pair.Key.Tell("the gateway stops")))), Task.Delay(DrainMilliseconds));
        while (!open.TrueForAll(pair => pair.Key.IsQuiet) && Environment.TickCount64 < until)
        {
            await Task.Delay(10);
        }

        // One that does not end now, such as where a name is looked up, ends with the process.
        open.ForEach(pair => pair.Key.Abort());
        until = Environment.TickCount64 + JoinMilliseconds;
        open.ForEach(pair => pair.Value.Join((int)Math.Max(0, until - Environment.TickCount64)));

        if (_certificate is not null)
        {
            await _certificate.DisposeAsync();
        }

        _connector.Dispose();
        await _tlsFiles.DisposeAsync();
    }

    private LeasedCertificate Certificate(ICustody custody, EnclaveLog log) => new(
        custody.Certificates ?? throw new StartException($"gateway.tls.issuer: custody {custody.Name} has no broker that could issue a certificate: give files"),
        CloseConnections,
        log);

    // What an API server got decrypted so far it has; it gets no more, on watches neither.
    private void CloseConnections() => _connections.Open.ForEach(connection => connection.Abort());

    private void Leave(Predicate<GatewayConnection> which, string reason) =>
        _connections.Open.FindAll(which).ForEach(connection => connection.Leave(reason));

    private void LeaveSickMembers() => Leave(
        connection => connection.Member is { IsSick: true } member && member != _connector.Current, "its member of etcd does not serve");

    private void Look()
    {
        if (_parts.Tls.TakeWithdrawal())
        {
            CloseConnections();
        }

        // Those that were being opened just when it was found out.
        LeaveSickMembers();
        _connections.Open.ForEach(connection => connection.CloseIfSlow());
    }

    private void Ended(ConnectionEnd end)
    {
        Counters.Ended(end);
        if (_endLines[end].TryAcquire(out long suppressed))
        {
            _log.GatewayConnectionEnded(Text(end), suppressed);
        }
    }

    private static string Text(ConnectionEnd end) => end switch
    {
        ConnectionEnd.GaveWayUnauthenticated => "not authenticated yet, to make room for newer ones: a local program opens many (ss -tnp shows which)",
        ConnectionEnd.HandshakeTimeout => "its client was not authenticated in time",
        ConnectionEnd.GaveWay => "gateway.maxConnections are open: one without calls, or of the client that has the most, made room",
        ConnectionEnd.Refused => "gateway.maxConnections are open and in use: a new one was refused",
        _ => "its client began something and did not go on with it",
    };

    private bool Begin(Socket client)
    {
        if (!_connections.HasRoom())
        {
            return false;
        }

        GatewayConnection? connection = null;
        bool begun = false;
        Counters.Opened();
        try
        {
            connection = new GatewayConnection(_parts, client);
            Thread thread = new(() => Serve(connection), GatewayConnection.StackSize) { IsBackground = true, Name = "gateway, API server" };
            begun = _connections.TryBegin(connection, thread);
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
            Ended(ConnectionEnd.Refused);
        }

        if (!begun)
        {
            End(connection);
            client.Dispose();
        }

        return true;
    }

    private void Serve(GatewayConnection connection)
    {
        try
        {
            connection.Run(() => _connections.TryServe(connection));
        }
        catch (OutOfMemoryException)
        {
            // Not even for what is done at its end; its sockets are closed.
        }
        finally
        {
            End(connection);
        }
    }

    private void End(GatewayConnection? connection)
    {
        Counters.Closed();
        if (connection is not null)
        {
            _connections.Remove(connection);
            connection.Dispose();
        }
    }
}
