using System.Net.Sockets;

namespace Cloister.Sockets;

/// <summary>
/// Listens on vsock. .NET accepts only on families that it knows, so connections are accepted here and become sockets of .NET afterwards.
/// Who may connect is the hypervisor's to say: a Nitro enclave is reached by its parent instance only.
/// </summary>
public sealed unsafe class VsockListener : IDisposable
{
    private readonly SafeSocketHandle _listening;

    internal VsockListener(SafeSocketHandle listening)
    {
        _listening = listening;
    }

    /// <summary>Binds and listens.</summary>
    /// <exception cref="ListenException">It cannot be done; the message says what to do.</exception>
    public static VsockListener Bind(VsockEndPoint endPoint, int backlog)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        SafeSocketHandle handle;
        try
        {
            handle = VsockSocket.Open();
        }
        catch (SocketException e)
        {
            throw new ListenException($"{endPoint}: no vsock on this machine ({e.Message}): it is for enclaves of Nitro; use unix: or tcp: elsewhere");
        }

        VsockCalls.Address address = VsockCalls.Address.Of(endPoint);
        int descriptor = (int)handle.DangerousGetHandle();
        if (VsockCalls.Bind(descriptor, &address, (uint)sizeof(VsockCalls.Address)) != 0 || VsockCalls.Listen(descriptor, backlog) != 0)
        {
            string reason = VsockSocket.LastError().Message;
            handle.Dispose();
            throw new ListenException($"{endPoint}: cannot bind ({reason}): choose another port, or stop who has this one");
        }

        return new VsockListener(handle);
    }

    /// <summary>Waits for a connection on the caller's thread.</summary>
    /// <param name="milliseconds">For how long; nothing else wakes it.</param>
    /// <returns>The connection, or null when there was none.</returns>
    /// <exception cref="SocketException">The listening socket is of no use any more.</exception>
    public Socket? Accept(int milliseconds)
    {
        bool held = false;
        try
        {
            _listening.DangerousAddRef(ref held);
            int descriptor = (int)_listening.DangerousGetHandle();
            VsockCalls.PollEntry entry = new() { Descriptor = descriptor, Events = VsockCalls.Readable };
            if (VsockCalls.Poll(&entry, 1, milliseconds) <= 0)
            {
                return null;
            }

            int accepted = VsockCalls.Accept(descriptor, null, null, VsockCalls.CloseOnExec);
            if (accepted >= 0)
            {
                return new Socket(new SafeSocketHandle(accepted, ownsHandle: true));
            }

            SocketException error = VsockSocket.LastError();
            return Passes(error.ErrorCode) ? null : throw error;
        }
        finally
        {
            if (held)
            {
                _listening.DangerousRelease();
            }
        }
    }

    /// <summary>Stops listening.</summary>
    public void Dispose() => _listening.Dispose();

    // Descriptors or memory have run out, or the peer is gone again: EINTR, EAGAIN, ENOMEM, ENFILE, EMFILE, EPROTO, ECONNABORTED, ECONNRESET, ENOBUFS.
    private static bool Passes(int error) => error is 4 or 11 or 12 or 23 or 24 or 71 or 103 or 104 or 105;
}
