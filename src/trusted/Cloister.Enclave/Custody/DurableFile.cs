using System.Runtime.InteropServices;

namespace Cloister.Enclave.Custody;

/// <summary>Replaces a file as a whole and durably: write beside it, flush, rename, flush the folder. secrets: none; writes ciphertext.</summary>
internal static partial class DurableFile
{
    // O_RDONLY | O_DIRECTORY | O_CLOEXEC
    private const int OpenFolder = 0x10000 | 0x80000;

    internal static void Replace(string path, ReadOnlySpan<byte> content)
    {
        string beside = path + ".new";
        using (FileStream stream = new(beside, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            Share = FileShare.None,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            stream.Write(content);
            stream.Flush(flushToDisk: true);
        }

        File.Move(beside, path, overwrite: true);
        FlushFolder(Path.GetDirectoryName(path)!);
    }

    // .NET does not open folders.
    private static void FlushFolder(string folder)
    {
        int descriptor = Open(folder, OpenFolder);
        if (descriptor < 0)
        {
            throw new IOException($"{folder} cannot be opened");
        }

        int result = Flush(descriptor);
        Close(descriptor);
        if (result != 0)
        {
            throw new IOException($"{folder} cannot be flushed");
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);
}
