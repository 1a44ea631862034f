using Microsoft.Win32.SafeHandles;

namespace Cloister.Enclave.Custody;

/// <summary>Replaces a file as a whole and durably: write beside it, flush, rename, flush the folder. secrets: none; writes ciphertext.</summary>
internal static class DurableFile
{
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
        using SafeFileHandle folder = File.OpenHandle(Path.GetDirectoryName(path)!, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.FlushToDisk(folder);
    }
}
