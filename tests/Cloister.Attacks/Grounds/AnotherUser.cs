using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Cloister.Attacks.Framework;
using Grpc.Net.Client;

namespace Cloister.Attacks.Grounds;

/// <summary>
/// Unix sockets as another user of the machine reaches them: a thread of its own takes that user's ids for the time of connect(2), which is when the kernel
/// checks permissions and notes who the peer is. Only for root. Source: credentials(7), unix(7).
/// </summary>
internal static partial class AnotherUser
{
    /// <summary>Has no rights, and nobody else's.</summary>
    public const uint Nobody = 65534;

    private const nint SetGroups = 116;
    private const nint SetResUid = 117;
    private const nint SetResGid = 119;

    /// <summary>gRPC over a connection of that user's.</summary>
    public static GrpcChannel Channel(string path, uint user)
    {
        Ground.NeedsRoot("connect as another user");
        SocketsHttpHandler handler = new() { ConnectCallback = async (_, _) => new NetworkStream(await Task.Run(() => Connect(path, user)), ownsSocket: true) };
        return GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    private static Socket Connect(string path, uint user)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                // The system calls themselves, which count for this thread alone; it ends with these ids.
                Must(Call(SetGroups, 0, 0, 0));
                Must(Call(SetResGid, (nint)user, (nint)user, (nint)user));
                Must(Call(SetResUid, (nint)user, (nint)user, (nint)user));
                socket.Connect(new UnixDomainSocketEndPoint(path));
            }
            catch (Exception e) when (e is SocketException or Win32Exception)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            socket.Dispose();
            throw new IOException(failure.Message, failure);
        }

        return socket;
    }

    private static void Must(nint result)
    {
        if (result != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Call(nint number, nint first, nint second, nint third);
}
