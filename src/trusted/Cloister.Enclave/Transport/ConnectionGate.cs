using System.IO.Pipelines;
using System.Net.Sockets;
using Cloister.Enclave.Hosting;
using Cloister.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Cloister.Enclave.Transport;

/// <summary>
/// Stands before the protocol: lets in peers whose uid is allowed, and closes connections that do not begin HTTP/2 soon, so that
/// half-open connections do not pile up. secrets: none.
/// </summary>
internal sealed class ConnectionGate
{
    // "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n". Source: RFC 9113, section 3.4.
    private const int PrefaceSize = 24;
    private const int PrefaceSeconds = 5;

    private readonly string _role;
    private readonly IReadOnlySet<uint>? _allowedUids;
    private readonly EnclaveLog _log;
    private readonly LineLimit _refusals = new();
    private readonly LineLimit _silences = new();

    internal ConnectionGate(string role, ListenAddress address, SocketPermissions permissions, EnclaveLog log)
    {
        _role = role;
        _log = log;
        if (address.Path is not null)
        {
            _allowedUids = permissions.EffectiveUids();
        }
    }

    internal ConnectionDelegate Before(ConnectionDelegate protocol) => async connection =>
    {
        if (!MayEnter(connection) || !await HasBegunAsync(connection))
        {
            connection.Abort();
            return;
        }

        await protocol(connection);
    };

    private bool MayEnter(ConnectionContext connection)
    {
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

    private async ValueTask<bool> HasBegunAsync(ConnectionContext connection)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed);
        deadline.CancelAfter(TimeSpan.FromSeconds(PrefaceSeconds));
        PipeReader input = connection.Transport.Input;
        try
        {
            while (true)
            {
                ReadResult read = await input.ReadAsync(deadline.Token);
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
            if (!connection.ConnectionClosed.IsCancellationRequested && _silences.MayPass(out long suppressed))
            {
                _log.PeerSilent(_role, PrefaceSeconds, suppressed);
            }

            return false;
        }
        catch (Exception e) when (e is IOException or ConnectionAbortedException)
        {
            return false;
        }
    }
}
