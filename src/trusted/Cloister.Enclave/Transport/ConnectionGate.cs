using System.IO.Pipelines;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Kms;
using Cloister.Enclave.Rpc;
using Cloister.Kbs;
using Cloister.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Cloister.Enclave.Transport;

/// <summary>
/// Stands before the protocol, as Kestrel wants it: lets in peers whose uid is allowed, or who show a pinned key, and closes connections that
/// do not begin HTTP/2 soon. Who gives way is decided by <see cref="ConnectionTable"/>. secrets: what passes through TLS.
/// </summary>
internal sealed class ConnectionGate : IDisposable
{
    // "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n". Source: RFC 9113, section 3.4.
    private const int PrefaceSize = 24;
    private const int PrefaceSeconds = 5;

    // Idle connections hold no buffer.
    private static readonly StreamPipeReaderOptions Reading = new(leaveOpen: true, useZeroByteReads: true);
    private static readonly StreamPipeWriterOptions Writing = new(leaveOpen: true);

    private readonly string _role;
    private readonly IReadOnlySet<uint>? _allowedUids;
    private readonly RelayKeys? _relays;
    private readonly ConnectionTable _table;
    private readonly EnclaveLog _log;
    private readonly LineLimit _refusals = new();
    private readonly LineLimit _silences = new();
    private readonly LineLimit _crowds = new();
    private readonly KmsCounters _counters;
    private long _told;

    internal ConnectionGate(string role, ServerOptions options, KmsCounters counters, EnclaveLog log)
    {
        _counters = counters;
        _role = role;
        _log = log;
        _allowedUids = options.Address.Path is null ? null : options.Permissions.EffectiveUids();
        _relays = options.RelayPins.Count > 0 ? new RelayKeys(options.RelayPins) : null;
        _table = new ConnectionTable(options.MaxConnections, _allowedUids?.Count ?? 1, counters);
    }

    public void Dispose() => _relays?.Dispose();

    /// <summary>Accepts no faster than connections that were told to close are gone: the kernel's queue holds the rest.</summary>
    internal IConnectionListenerFactory Paced(IConnectionListenerFactory listeners) => new PacedListeners(listeners, _table);

    internal ConnectionDelegate Before(ConnectionDelegate protocol) => async connection =>
    {
        if (!TryEnter(connection, out uint? uid))
        {
            _counters.ConnectionRefused();
            connection.Abort();
            return;
        }

        ConnectionTable.Connection entry = _table.Enter(uid, connection.Abort);
        TellCrowd();
        try
        {
            await ServeAsync(connection, entry, protocol);
        }
        finally
        {
            entry.Leave();
        }
    };

    private async Task ServeAsync(ConnectionContext connection, ConnectionTable.Connection entry, ConnectionDelegate protocol)
    {
        IDuplexPipe outside = connection.Transport;
        SslStream? tls = null;
        try
        {
            using (CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed))
            {
                deadline.CancelAfter(TimeSpan.FromSeconds(PrefaceSeconds));
                if (_relays is not null)
                {
                    tls = await HandshakeAsync(connection, entry, new PipeStream(outside), deadline.Token);
                    if (tls is null)
                    {
                        connection.Abort();
                        return;
                    }

                    connection.Transport = new Inside(PipeReader.Create(tls, Reading), PipeWriter.Create(tls, Writing));
                }

                if (!await HasBegunAsync(connection, entry, deadline.Token))
                {
                    connection.Abort();
                    return;
                }
            }

            bool opened = entry.TryOpen();
            TellCrowd();
            if (!opened)
            {
                connection.Abort();
                return;
            }

            connection.Features.Set(entry);
            await protocol(connection);
        }
        finally
        {
            if (tls is not null)
            {
                await CloseAsync(connection.Transport, tls);
                connection.Transport = outside;
            }
        }
    }

    private bool TryEnter(ConnectionContext connection, out uint? uid)
    {
        uid = null;
        if (_allowedUids is null)
        {
            return true;
        }

        Socket? socket = connection.Features.Get<IConnectionSocketFeature>()?.Socket;
        if (socket is null)
        {
            return false;
        }

        PeerCredentials peer = PeerCredentials.Of(socket);
        uid = peer.Uid;
        if (_allowedUids.Contains(peer.Uid))
        {
            return true;
        }

        if (_refusals.MayPass(out long suppressed))
        {
            _log.PeerRefused(peer.Uid, peer.Pid, _role, suppressed);
        }

        return false;
    }

    private async ValueTask<SslStream?> HandshakeAsync(
        ConnectionContext connection, ConnectionTable.Connection entry, PipeStream stream, CancellationToken deadline)
    {
        try
        {
            return await _relays!.AcceptAsync(stream, deadline);
        }
        catch (OperationCanceledException)
        {
            Silent(connection, entry);
        }
        catch (Exception e)
        {
            if (entry.State == ConnectionState.Waiting)
            {
                _counters.ConnectionRefused();
                if (_refusals.MayPass(out long suppressed))
                {
                    TellRefused(e, suppressed);
                }
            }
        }

        return null;
    }

    // What this program cannot do is not the relay's fault.
    private void TellRefused(Exception failure, long suppressed)
    {
        if (failure is AuthenticationException or IOException or ConnectionAbortedException && !RequestFailure.IsFaultOfTls(failure))
        {
            _log.RelayRefused(_role, suppressed);
        }
        else
        {
            _log.Fault($"handshake of {_role}", failure);
        }
    }

    private async ValueTask<bool> HasBegunAsync(ConnectionContext connection, ConnectionTable.Connection entry, CancellationToken deadline)
    {
        PipeReader input = connection.Transport.Input;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(deadline);
                bool enough = read.Buffer.Length >= PrefaceSize;

                // Nothing is consumed: the protocol reads the preface itself.
                input.AdvanceTo(read.Buffer.Start, enough ? read.Buffer.Start : read.Buffer.End);
                if (enough || read.IsCompleted)
                {
                    return enough;
                }
            }
        }
        catch (OperationCanceledException)
        {
            Silent(connection, entry);
            return false;
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException)
        {
            return false;
        }
    }

    private void Silent(ConnectionContext connection, ConnectionTable.Connection entry)
    {
        if (!connection.ConnectionClosed.IsCancellationRequested && entry.State == ConnectionState.Waiting)
        {
            _counters.ConnectionRefused();
            if (_silences.MayPass(out long suppressed))
            {
                _log.PeerSilent(_role, PrefaceSeconds, suppressed);
            }
        }
    }

    private void TellCrowd()
    {
        long now = _table.Crowded;
        if (now != Volatile.Read(ref _told) && _crowds.MayPass(out _))
        {
            _log.ConnectionsCrowded(_role, now - Interlocked.Exchange(ref _told, now));
        }
    }

    private static async Task CloseAsync(IDuplexPipe inside, SslStream tls)
    {
        try
        {
            await inside.Output.CompleteAsync();
            await inside.Input.CompleteAsync();
            await tls.DisposeAsync();
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException or InvalidOperationException)
        {
            // The connection is gone already.
        }
    }

    private sealed record Inside(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
