using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Cloister.Broker.Tests.Failures;

/// <summary>A named pipe: somebody's log, or what lies where a file is expected. Nobody reads it unless the test does.</summary>
internal sealed unsafe partial class BlockedPipe : IDisposable
{
    private const int ReadWrite = 2;
    private const int NonBlocking = 0x800;

    private readonly int _descriptor;

    public BlockedPipe(string path)
    {
        Location = path;
        File.Delete(path);
        using (Process made = Process.Start("mkfifo", ["-m", "600", path]))
        {
            made.WaitForExit();
            Assert.Equal(0, made.ExitCode);
        }

        _descriptor = Open(path, ReadWrite | NonBlocking);
        Assert.True(_descriptor >= 0);
    }

    public string Location { get; }

    /// <summary>Takes out what is in it.</summary>
    public string Drain()
    {
        byte[] bytes = new byte[1 << 20];
        fixed (byte* start = bytes)
        {
            nint read = Read(_descriptor, start, bytes.Length);
            return read > 0 ? System.Text.Encoding.UTF8.GetString(bytes, 0, (int)read) : "";
        }
    }

    /// <summary>Writes until nothing more fits.</summary>
    public void Fill()
    {
        byte[] bytes = new byte[4096];
        Array.Fill(bytes, (byte)'\n');
        fixed (byte* start = bytes)
        {
            foreach (int size in (int[])[bytes.Length, 1])
            {
                while (Write(_descriptor, start, size) > 0)
                {
                }
            }
        }
    }

    public void Dispose() => _ = Close(_descriptor);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, byte* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, byte* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
