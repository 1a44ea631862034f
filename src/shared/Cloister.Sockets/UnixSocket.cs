using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Cloister.Sockets;

/// <summary>
/// A unix socket that only the right processes can open: its folder is checked, owner and mode are set before anyone can connect, and a
/// file left by an earlier life is replaced only when nobody answers on it. Source: unix(7).
/// </summary>
public static class UnixSocket
{
    private const UnixFileMode OthersMayWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Binds; the caller listens.</summary>
    /// <exception cref="ListenException">It cannot be done safely; the message says what to do.</exception>
    public static Socket Bind(string path, SocketPermissions permissions)
    {
        CheckFolder(Path.GetDirectoryName(path)!);
        RemoveStale(path);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            // Nobody can connect before the caller listens, so mode and owner are in place in time.
            socket.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, permissions.Mode);
            if ((permissions.Owner ?? permissions.Group) is not null
                && SocketCalls.ChangeOwner(path, permissions.Owner ?? uint.MaxValue, permissions.Group ?? uint.MaxValue) != 0)
            {
                throw new ListenException($"{path}: cannot give it to owner {permissions.Owner} and group {permissions.Group} ({Marshal.GetLastPInvokeErrorMessage()})");
            }

            return socket;
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new ListenException($"{path}: cannot bind ({e.SocketErrorCode}): its folder has to be writable for this process; where the root is read-only, mount a tmpfs on it");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // Whoever can write to the folder can put a socket of its own in our place.
    private static void CheckFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new ListenException($"{folder} does not exist: make it, owned by the user of this process, mode 0755 or stricter");
        }

        UnixFileMode mode = File.GetUnixFileMode(folder);
        if ((mode & OthersMayWrite) != 0 && (mode & UnixFileMode.StickyBit) == 0)
        {
            throw new ListenException($"{folder} can be written by others (mode {Convert.ToString((int)mode, 8)}): chmod go-w it");
        }
    }

    private static void RemoveStale(string path)
    {
        if (!Path.Exists(path) && new FileInfo(path).LinkTarget is null)
        {
            return;
        }

        if (!IsSocket(path))
        {
            throw new ListenException($"{path} exists and is not a socket: move it away");
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new ListenException($"{path} exists and it cannot be told whether somebody answers on it ({e.SocketErrorCode})");
        }

        throw new ListenException($"{path}: another process answers on it; stop that one first");
    }

    // A socket is none of the things .NET can name: not a regular file, folder, link or device.
    private static bool IsSocket(string path)
    {
        FileAttributes attributes = File.GetAttributes(path);
        return (attributes & (FileAttributes.Directory | FileAttributes.ReparsePoint)) == 0 && UnixFileType.IsSocket(path);
    }
}
