using System.Runtime.InteropServices;

namespace Cloister.Sockets;

/// <summary>What kind of file a path is, without following links. Source: statx(2).</summary>
internal static unsafe partial class UnixFileType
{
    private const int CurrentFolder = -100;
    private const int NoFollow = 0x100;
    private const uint TypeMask = 1;
    private const int StatxSize = 256;
    private const int ModeOffset = 28;
    private const int FormatMask = 0xF000;
    private const int Socket = 0xC000;

    internal static bool IsSocket(string path)
    {
        byte* status = stackalloc byte[StatxSize];
        return Statx(CurrentFolder, path, NoFollow, TypeMask, status) == 0
            && (*(ushort*)(status + ModeOffset) & FormatMask) == Socket;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* status);
}
