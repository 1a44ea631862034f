using System.Security.Cryptography;

namespace Cloister.Enclave.Sim;

/// <summary>Files that only their owner reads. Several threads and processes may make the same one: one of them is there afterwards, whole.</summary>
internal static class PrivateFile
{
    /// <summary>Makes a file that is there whole or not at all.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="content">What it holds.</param>
    /// <param name="replace">False leaves one that is there.</param>
    internal static void Create(string path, ReadOnlySpan<byte> content, bool replace = true)
    {
        string beside = $"{path}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}.new";
        try
        {
            using (FileStream stream = new(beside, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(beside, path, replace);
        }
        catch (IOException) when (!replace && File.Exists(path))
        {
            // Another was faster.
        }
        finally
        {
            File.Delete(beside);
        }
    }
}
