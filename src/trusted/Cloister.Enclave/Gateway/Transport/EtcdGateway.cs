using System.Net;
using System.Net.Sockets;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Gateway.Http2;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Memory;
using Cloister.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The gateway: an API server connects to it as to etcd, and finds Secrets in clear that etcd holds encrypted. A thread accepts, two serve
/// each connection: an API server holds few, and blocking threads cost the least for each message. secrets: seeds, and what passes through.
/// </summary>
public sealed class EtcdGateway : IAsyncDisposable
{
    private const int DrainMilliseconds = 1000;

    private readonly StockKmsV2Values _values;
    private readonly GatewayParts _parts;
    private readonly Socket _socket;
    private readonly int _maxConnections;
    private readonly Timer _withdrawals;
    private readonly Thread _accepting;
    private readonly Dictionary<GatewayConnection, Thread> _connections = [];
    private readonly LeasedCertificate? _certificate;
    private readonly TlsFileWatch _tlsFiles;
    private bool _stopping;

    /// <summary>Listens.</summary>
    /// <param name="options">Configuration.</param>
    /// <param name="provider">Name of the KMS provider, which the stored values carry.</param>
    /// <param name="custody">Wraps and unwraps seeds; not owned.</param>
    /// <param name="arena">Where seeds are kept; not owned.</param>
    /// <param name="log">Log.</param>
    /// <exception cref="ListenException">The port cannot be had.</exception>
    /// <exception cref="StartException">A certificate file is not what it should be, or a broker is to issue it and the custody uses none.</exception>
    public EtcdGateway(GatewayOptions options, string provider, ICustody custody, SecretArena arena, EnclaveLog log)
    {
        _certificate = options.CertificatePath is null ? Certificate(custody, log) : null;
        GatewayTls tls = new(options, _certificate is null ? null : _certificate.Take);
        _socket = options.Listen.Bind(new SocketPermissions());
        _values = new StockKmsV2Values(custody, provider, options.Mode, arena, options.Seeds, BootTime.Clock, options.Keks);
        EtcdMessages messages = new(
            new GatewayRules(options.Prefixes, options.Mode, options.Uncovered), new LoggedValues(_values, Counters, log), options.MaxMessageSize);
        _parts = new GatewayParts(
            tls, new EtcdConnector(options.Endpoints, tls, log), messages, options.MaxMessageSize, new MemoryBudget(options.Memory), Counters, log);
        _tlsFiles = new TlsFileWatch(tls, Counters, log);
        _maxConnections = options.MaxConnections;
        _socket.Listen(128);
        _withdrawals = new Timer(_ => _values.WipeWithdrawn(), null, TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(250));
        _accepting = new Thread(Accept) { IsBackground = true, Name = "gateway, accepting" };
        _accepting.Start();
        if (options.Clients.Count == 0)
        {
            log.EveryClient();
        }

        if (options.Uncovered.Count > 0)
        {
            log.Uncovered(string.Join(", ", options.Uncovered));
        }

        log.Listening("gateway", $"tcp:{_socket.LocalEndPoint}");
    }

    /// <summary>What it did so far.</summary>
    public GatewayCounters Counters { get; } = new();

    /// <summary>The port, which may have been chosen by the system.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>Takes no more connections, lets calls under way end within a moment, closes, and wipes every seed.</summary>
    public async ValueTask DisposeAsync()
    {
        List<KeyValuePair<GatewayConnection, Thread>> open;
        lock (_connections)
        {
            _stopping = true;
            open = [.. _connections];
        }

        SocketHabits.End(_socket);
        bool quiet = open.TrueForAll(pair => pair.Key.Drain(tell: true));
        for (long until = Environment.TickCount64 + DrainMilliseconds; !quiet && Environment.TickCount64 < until;)
        {
            await Task.Delay(10);
            quiet = open.TrueForAll(pair => pair.Key.Drain(tell: false));
        }

        foreach ((GatewayConnection connection, Thread thread) in open)
        {
            connection.Abort();
            thread.Join();
        }

        if (_certificate is not null)
        {
            await _certificate.DisposeAsync();
        }

        await _tlsFiles.DisposeAsync();
        await _withdrawals.DisposeAsync();
        _values.Dispose();
    }

    private LeasedCertificate Certificate(ICustody custody, EnclaveLog log) => new(
        custody.Certificates ?? throw new StartException($"gateway.tls.issuer: custody {custody.Name} has no broker that could issue a certificate: give files"),
        CloseConnections,
        log);

    // What an API server got decrypted so far it has; it gets no more, on watches neither.
    private void CloseConnections()
    {
        lock (_connections)
        {
            foreach (GatewayConnection connection in _connections.Keys)
            {
                connection.Abort();
            }
        }
    }

    private void Accept()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = _socket.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                lock (_connections)
                {
                    if (_stopping)
                    {
                        return;
                    }
                }

                // Out of descriptors, or a peer that was gone before it was accepted.
                Thread.Sleep(10);
                continue;
            }

            Begin(client);
        }
    }

    private void Begin(Socket client)
    {
        GatewayConnection connection = new(_parts, client);
        Thread thread = new(() =>
        {
            using (connection)
            {
                connection.Run();
            }

            Counters.Closed();
            lock (_connections)
            {
                _connections.Remove(connection);
            }
        })
        { IsBackground = true, Name = "gateway, API server" };
        lock (_connections)
        {
            if (_stopping || _connections.Count >= _maxConnections)
            {
                client.Dispose();
                connection.Dispose();
                return;
            }

            _connections.Add(connection, thread);
            Counters.Opened();
            thread.Start();
        }
    }
}
