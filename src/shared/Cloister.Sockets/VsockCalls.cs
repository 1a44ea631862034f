using System.Runtime.InteropServices;

namespace Cloister.Sockets;

/// <summary>The calls of the C library behind vsock, which .NET does not know.</summary>
internal static unsafe partial class VsockCalls
{
    internal const int Family = 40;
    internal const int Stream = 1;
    internal const int CloseOnExec = 0x80000;
    internal const short Readable = 1;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    internal static partial int Open(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    internal static partial int Bind(int descriptor, Address* address, uint size);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    internal static partial int Listen(int descriptor, int backlog);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    internal static partial int Connect(int descriptor, Address* address, uint size);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    internal static partial int Accept(int descriptor, void* address, uint* size, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    internal static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    /// <summary><c>struct sockaddr_vm</c>.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 16)]
    internal struct Address
    {
        internal ushort AddressFamily;
        internal ushort Reserved;
        internal uint Port;
        internal uint Cid;
        internal uint Flags;

        internal static Address Of(VsockEndPoint endPoint) => new() { AddressFamily = Family, Port = endPoint.Port, Cid = endPoint.Cid };
    }

    /// <summary><c>struct pollfd</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct PollEntry
    {
        internal int Descriptor;
        internal short Events;
        internal short Happened;
    }
}
