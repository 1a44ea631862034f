using System.Runtime.InteropServices;

namespace Cloister.Sockets;

/// <summary>The calls of the C library that sockets need and .NET does not have.</summary>
internal static partial class SocketCalls
{
    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int ChangeOwner(string path, uint owner, uint group);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    internal static partial uint EffectiveUserId();
}
