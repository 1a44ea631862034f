using System.Diagnostics;

namespace Cloister.Cli.Tests.Demo;

/// <summary>
/// A process with given bytes in its memory: dd(1), which has read them as its first block, in a buffer that starts on a page, and waits
/// for the next.
/// </summary>
internal sealed class ProcessWithBytes : IDisposable
{
    internal const int Size = 16 * 1024 * 1024;

    private readonly Process _process;

    internal ProcessWithBytes(byte[] bytes)
    {
        Assert.Equal(Size, bytes.Length);
        _process = Process.Start(new ProcessStartInfo("dd", [$"bs={Size}", "iflag=fullblock", "of=/dev/null", "status=none"]) { RedirectStandardInput = true })!;
        _process.StandardInput.BaseStream.Write(bytes);
        _process.StandardInput.BaseStream.Flush();
    }

    internal int Id => _process.Id;

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
