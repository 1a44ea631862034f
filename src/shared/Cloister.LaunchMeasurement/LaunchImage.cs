using System.Text;

namespace Cloister.LaunchMeasurement;

/// <summary>What is booted directly: kernel, initrd, command line, each byte for byte as QEMU or Nitro gets it.</summary>
public sealed class LaunchImage
{
    /// <summary>A kernel has at most this many bytes.</summary>
    public const int MaximumKernel = 256 << 20;

    /// <summary>The initrd, all of its parts together, has at most this many bytes.</summary>
    public const int MaximumInitrd = 1 << 30;

    /// <summary>A command line has at most this many characters: <c>COMMAND_LINE_SIZE</c> of Linux on x86-64, without the zero at its end.</summary>
    public const int MaximumCommandLine = 2047;

    /// <summary>Takes an image.</summary>
    /// <param name="kernel">The bzImage.</param>
    /// <param name="ramdisks">Parts of the initrd, in order. A hypervisor that takes one initrd gets them one after another; an EIF has a section for each.</param>
    /// <param name="commandLine">The kernel's command line: printable ASCII.</param>
    /// <exception cref="LaunchFileException">Something is empty, too large, or no command line.</exception>
    public LaunchImage(ReadOnlyMemory<byte> kernel, IReadOnlyList<ReadOnlyMemory<byte>> ramdisks, string commandLine)
    {
        ArgumentNullException.ThrowIfNull(ramdisks);
        ArgumentNullException.ThrowIfNull(commandLine);
        if (kernel.Length is 0 or > MaximumKernel)
        {
            throw new LaunchFileException("kernel", kernel.IsEmpty ? "is empty" : $"has more than {MaximumKernel} bytes");
        }

        if (ramdisks.Any(part => part.IsEmpty) || ramdisks.Sum(part => (long)part.Length) > MaximumInitrd)
        {
            throw new LaunchFileException("initrd", ramdisks.Any(part => part.IsEmpty) ? "is empty: leave it out if there is none" : $"has more than {MaximumInitrd} bytes");
        }

        if (commandLine.Length > MaximumCommandLine || !commandLine.All(c => c is >= ' ' and <= '~'))
        {
            throw new LaunchFileException("command line", $"has to be one line of at most {MaximumCommandLine} printable ASCII characters");
        }

        Kernel = kernel;
        Ramdisks = ramdisks;
        CommandLine = commandLine;
    }

    /// <summary>The bzImage.</summary>
    public ReadOnlyMemory<byte> Kernel { get; }

    /// <summary>Parts of the initrd.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Ramdisks { get; }

    /// <summary>The kernel's command line, without a zero or a line feed at its end.</summary>
    public string CommandLine { get; }

    /// <summary>The command line's bytes.</summary>
    internal byte[] CommandLineBytes => Encoding.ASCII.GetBytes(CommandLine);
}
