using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Files that hold state. Only regular ones, opened so that what a host puts in their place (a pipe that nobody reads, a device, a link) cannot hold
/// the caller up; replaced as a whole and durably: write beside, flush, rename, flush the folder. A disk that stalls still stalls the caller: who may
/// not wait asks from another thread. Source: open(2), fstat(2). secrets: ciphertext, and keys of TLS that callers wipe.
/// </summary>
internal static unsafe partial class StateFile
{
    private const int ReadOnly = 0;
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Exclusive = 0x80;
    private const int NonBlocking = 0x800;
    private const int Folder = 0x10000;
    private const int NoFollow = 0x20000;
    private const int CloseOnExec = 0x80000;
    private const uint OwnerReadWrite = 0x180;
    private const int NotFound = 2;
    private const int IsLink = 40;
    private const int StatSize = 256;
    private const uint TypeMask = 0xF000;
    private const uint RegularType = 0x8000;

    // struct stat: st_mode is 4 bytes, here on x86-64 and there on arm64.
    private static readonly int ModeOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 24 : 16;

    /// <summary>The content, or null when there is no file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Most bytes it may have.</param>
    /// <param name="followLinks">Whether the last part of the path may be a link, as in a folder of links that is replaced as a whole.</param>
    /// <exception cref="NotSupportedException">It is not a regular file, or longer.</exception>
    /// <exception cref="IOException">It cannot be read now.</exception>
    internal static byte[]? Read(string path, int most, bool followLinks = false)
    {
        int descriptor = Open(path, ReadOnly | NonBlocking | CloseOnExec | (followLinks ? 0 : NoFollow), 0);
        if (descriptor < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            return error switch
            {
                NotFound => null,
                IsLink => throw new NotSupportedException($"{path} is not a regular file"),
                _ => throw Failed(path, error),
            };
        }

        using SafeFileHandle file = Regular(path, descriptor);
        long length = RandomAccess.GetLength(file);
        if (length > most)
        {
            throw new NotSupportedException($"{path} has {length} bytes, at most {most} are expected");
        }

        byte[] content = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
        int done = 0;
        try
        {
            for (int read = 1; read > 0 && done < content.Length; done += read)
            {
                read = RandomAccess.Read(file, content.AsSpan(done), done);
            }
        }
        catch (UnauthorizedAccessException)
        {
            // What .NET makes of EACCES, and Gramine answers for a part of an encrypted mount's file that was changed.
            throw new IOException($"{path}: what was read is refused (EACCES)");
        }

        return done == content.Length ? content : content[..done];
    }

    /// <summary>Replaces a file. When it returns, the content survives a loss of power.</summary>
    /// <exception cref="IOException">It cannot be written; the old one is as it was, or the new one is there and may not survive.</exception>
    internal static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string beside = path + ".new";
        Remove(beside);
        int descriptor = Open(beside, WriteOnly | Create | Exclusive | NonBlocking | NoFollow | CloseOnExec, OwnerReadWrite);
        using (SafeFileHandle file = descriptor >= 0 ? Regular(beside, descriptor) : throw Failed(beside, Marshal.GetLastPInvokeError()))
        {
            RandomAccess.Write(file, content, 0);
            RandomAccess.FlushToDisk(file);
        }

        if (Rename(beside, path) != 0)
        {
            throw Failed(path, Marshal.GetLastPInvokeError());
        }

        FlushFolder(Path.GetDirectoryName(path)!);
    }

    /// <summary>Removes a file, whatever it is but a folder; none is none.</summary>
    /// <exception cref="IOException">It cannot be removed now.</exception>
    internal static void Remove(string path)
    {
        if (Unlink(path) != 0 && Marshal.GetLastPInvokeError() is not NotFound and var error)
        {
            throw Failed(path, error);
        }
    }

    private static SafeFileHandle Regular(string path, int descriptor)
    {
        SafeFileHandle file = new(descriptor, ownsHandle: true);
        byte* stat = stackalloc byte[StatSize];
        if (Stat(descriptor, stat) == 0 && (*(uint*)(stat + ModeOffset) & TypeMask) == RegularType)
        {
            return file;
        }

        file.Dispose();
        throw new NotSupportedException($"{path} is not a regular file");
    }

    private static void FlushFolder(string folder)
    {
        int descriptor = Open(folder, ReadOnly | Folder | CloseOnExec, 0);
        if (descriptor < 0)
        {
            throw Failed(folder, Marshal.GetLastPInvokeError());
        }

        using SafeFileHandle handle = new(descriptor, ownsHandle: true);
        if (Flush(descriptor) != 0)
        {
            throw Failed(folder, Marshal.GetLastPInvokeError());
        }
    }

    private static IOException Failed(string path, int error) => new($"{path}: {Marshal.GetPInvokeErrorMessage(error)}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "fstat", SetLastError = true)]
    private static partial int Stat(int descriptor, byte* stat);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unlink(string path);
}
