using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Kbs;
using Cloister.Sockets;

namespace Cloister.Cli.Relay;

/// <summary>
/// Copies bytes between accepted connections and a target. The end of one direction is passed on while the other goes on (half-close);
/// an error ends both. Sockets complete inline on the polling thread, so a message costs one wake-up in the relay.
/// </summary>
internal sealed class ByteRelay : IDisposable
{
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    // A unix socket whose queue is full refuses at once: room for a burst of thousands.
    private const int Backlog = 4096;

    // How long a stop may take where vsock is listened on.
    private const int VsockMilliseconds = 250;

    // One message a second: who floods the relay does not flood its log.
    private const long MessageMilliseconds = 1000;

    // A relay that is not let in by its target has to notice, and a target that does not answer gives way.
    private static readonly TimeSpan HandshakeTime = TimeSpan.FromSeconds(5);

    // Opened now: .NET opens standard error at its first use, which fails when descriptors have run out and there is something to say.
    private readonly TextWriter _messages = Console.Error;
    private readonly Socket? _listener;
    private readonly VsockListener? _vsock;
    private readonly EndPoint _target;
    private readonly IReadOnlySet<uint>? _allowedUids;
    private readonly string? _path;
    private readonly int _maxConnections;
    private readonly EnclaveTls? _tls;
    private int _connections;
    private long _saidAt = -MessageMilliseconds;

    private ByteRelay(
        Socket? listener, VsockListener? vsock, ListenAddress address, EndPoint target, SocketPermissions permissions, int maxConnections, EnclaveTls? tls)
    {
        _tls = tls;
        _listener = listener;
        _vsock = vsock;
        _target = target;
        _path = address.Path;
        _allowedUids = address.Path is null ? null : permissions.EffectiveUids();
        _maxConnections = maxConnections;
        Address = listener?.LocalEndPoint is IPEndPoint endPoint ? $"tcp:{endPoint}" : address.Text;
    }

    /// <summary>What it did so far.</summary>
    internal RelayCounters Counters { get; } = new();

    /// <summary>Where it listens, with the port that the system chose.</summary>
    internal string Address { get; }

    /// <summary>Opens the socket.</summary>
    /// <exception cref="ListenException">It cannot be opened safely.</exception>
    internal static ByteRelay Listen(ListenAddress address, EndPoint target, SocketPermissions permissions, int maxConnections, EnclaveTls? tls = null)
    {
        // Read by .NET when the first socket is made.
        Environment.SetEnvironmentVariable(InlineCompletions, "1");
        if (address.EndPoint is VsockEndPoint vsock)
        {
            return Listen(VsockListener.Bind(vsock, Backlog), address, target, maxConnections);
        }

        Socket listener = address.Bind(permissions);
        listener.Listen(Backlog);
        return new ByteRelay(listener, null, address, target, permissions, maxConnections, tls);
    }

    /// <summary>Relays what a vsock listener accepts; takes it over.</summary>
    internal static ByteRelay Listen(VsockListener listener, ListenAddress address, EndPoint target, int maxConnections) =>
        new(null, listener, address, target, new SocketPermissions(), maxConnections, null);

    /// <summary>Serves until cancelled.</summary>
    internal async Task RunAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await AcceptAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException e)
            {
                await _messages.WriteLineAsync($"relay: cannot accept ({e.SocketErrorCode})");
                await Task.Delay(100, CancellationToken.None);
                continue;
            }

            if (MayEnter(client))
            {
                _ = ServeAsync(client, cancellation);
            }
            else
            {
                client.Dispose();
            }
        }
    }

    public void Dispose()
    {
        _listener?.Dispose();
        _vsock?.Dispose();
        if (_path is not null)
        {
            File.Delete(_path);
        }
    }

    // vsock: waits on a thread of the pool, since .NET does not accept there; an enclave has few connections to open. Told to stop, it is not
    // waited for: the listener closes when it has looked up.
    private async ValueTask<Socket> AcceptAsync(CancellationToken cancellation) => _listener is not null
        ? await _listener.AcceptAsync(cancellation)
        : await Task.Run(() => AcceptVsock(cancellation), CancellationToken.None).WaitAsync(cancellation) ?? throw new OperationCanceledException(cancellation);

    private Socket? AcceptVsock(CancellationToken cancellation)
    {
        Socket? client = null;
        while (client is null && !cancellation.IsCancellationRequested)
        {
            client = _vsock!.Accept(VsockMilliseconds);
        }

        return client;
    }

    /// <summary>Whether the target takes a connection; null: it does.</summary>
    internal async Task<string?> CheckTargetAsync(CancellationToken cancellation)
    {
        try
        {
            using Socket server = await StreamSocket.ConnectAsync(_target, cancellation);
            return null;
        }
        catch (SocketException e)
        {
            return $"no connection with the target {_target}: {e.SocketErrorCode}";
        }
    }

    private bool MayEnter(Socket client)
    {
        if (Volatile.Read(ref _connections) >= _maxConnections)
        {
            Counters.Refused("limit");
            Say($"refused a connection: {_maxConnections} are open (--max-connections)");
            return false;
        }

        if (_allowedUids is null)
        {
            return true;
        }

        try
        {
            PeerCredentials peer = PeerCredentials.Of(client);
            if (!_allowedUids.Contains(peer.Uid))
            {
                Counters.Refused("uid");
                Say($"refused a connection of uid {peer.Uid}, pid {peer.Pid} (--allowed-uid)");
                return false;
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken cancellation)
    {
        Interlocked.Increment(ref _connections);
        Counters.Taken();
        using (client)
        {
            try
            {
                using Socket server = await ConnectAsync(cancellation);
                SetNoDelay(client);
                SetNoDelay(server);
                if (_tls is null)
                {
                    await CopyAsync(new SocketEnd(client), new SocketEnd(server), cancellation);
                }
                else
                {
                    await ServeTlsAsync(_tls, client, server, cancellation);
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException or IOException && !RequestFailure.IsFaultOfTls(e))
            {
                // The end of this connection; its peers see it closed.
            }
            catch (Exception e)
            {
                Say($"a connection ended by a fault of this program: {e.GetType().Name}");
            }
            finally
            {
                Interlocked.Decrement(ref _connections);
                Counters.Ended();
            }
        }
    }

    private async Task<Socket> ConnectAsync(CancellationToken cancellation)
    {
        try
        {
            return await StreamSocket.ConnectAsync(_target, cancellation);
        }
        catch (SocketException e)
        {
            Counters.TargetFailed("connect");
            Say($"no connection with the target {_target}: {e.SocketErrorCode}");
            throw;
        }
    }

    private async Task ServeTlsAsync(EnclaveTls tls, Socket client, Socket server, CancellationToken cancellation)
    {
        SslStream stream;
        try
        {
            using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(HandshakeTime);
            stream = await tls.ConnectAsync(server, deadline.Token);
        }
        catch (AuthenticationException e) when (!RequestFailure.IsFaultOfTls(e))
        {
            Counters.TargetFailed("tls");
            Say($"no TLS with the target: {e.Message}");
            return;
        }
        catch (IOException e) when (!RequestFailure.IsFaultOfTls(e))
        {
            Counters.TargetFailed("cut");
            Say(Cut(tls));
            return;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            Counters.TargetFailed("timeout");
            Say($"no TLS with the target: it did not answer within {HandshakeTime.TotalSeconds} s");
            return;
        }

        await using (stream)
        {
            TlsEnd enclave = new(stream);
            try
            {
                await CopyAsync(new SocketEnd(client), enclave, cancellation);
            }
            finally
            {
                // TLS 1.3: the enclave looks at the key after this side believes to be done.
                if (enclave.WasCut)
                {
                    Counters.TargetFailed("cut");
                    Say(Cut(tls));
                }
            }
        }
    }

    private static string Cut(EnclaveTls tls) => $"the target closed a connection and said nothing: is {tls.Pin} in relay.pins of its configuration?";

    private async Task CopyAsync(RelayEnd client, RelayEnd server, CancellationToken cancellation)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task up = RelayDirection.CopyAsync(client, server, Counters.ToTarget, either);
        Task down = RelayDirection.CopyAsync(server, client, Counters.FromTarget, either);
        await Task.WhenAll(up, down);
    }

    private void Say(string message)
    {
        long now = Environment.TickCount64;
        long last = Volatile.Read(ref _saidAt);
        if (now - last >= MessageMilliseconds && Interlocked.CompareExchange(ref _saidAt, now, last) == last)
        {
            _messages.WriteLine($"relay: {message}");
        }
    }

    private static void SetNoDelay(Socket socket)
    {
        if (socket.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
        {
            socket.NoDelay = true;
        }
    }
}
