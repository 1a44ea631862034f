using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Cloister.Sockets;

/// <summary>Opens vsock connections as sockets of .NET, which sends and receives on them without knowing what they are. Source: vsock(7).</summary>
public static unsafe class VsockSocket
{
    /// <summary>Connects. The kernel gives up by itself after about two seconds.</summary>
    /// <exception cref="SocketException">Nobody there, or no vsock on this machine.</exception>
    public static Task<Socket> ConnectAsync(VsockEndPoint target, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(target);
        return Task.Run(() => Connect(target), cancellation);
    }

    internal static SafeSocketHandle Open()
    {
        int descriptor = VsockCalls.Open(VsockCalls.Family, VsockCalls.Stream | VsockCalls.CloseOnExec, 0);
        return descriptor >= 0 ? new SafeSocketHandle(descriptor, ownsHandle: true) : throw LastError();
    }

    internal static SocketException LastError() => new(Marshal.GetLastPInvokeError(), Marshal.GetLastPInvokeErrorMessage());

    private static Socket Connect(VsockEndPoint target)
    {
        SafeSocketHandle handle = Open();
        VsockCalls.Address address = VsockCalls.Address.Of(target);
        if (VsockCalls.Connect((int)handle.DangerousGetHandle(), &address, (uint)sizeof(VsockCalls.Address)) != 0)
        {
            SocketException error = LastError();
            handle.Dispose();
            throw error;
        }

        return new Socket(handle);
    }
}
