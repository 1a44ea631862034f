using System.CommandLine;
using System.Globalization;
using Cloister.Cli.Output;

namespace Cloister.Cli.Vm;

/// <summary><c>cloister vm archive</c>: what eng/enclave-vm makes an initramfs with.</summary>
internal static class ArchiveCommand
{
    internal static Command Create()
    {
        Option<string> list = CliOutput.Path("--list", "lines of 'dir NAME MODE', 'file NAME SOURCE MODE' and 'nod NAME MODE c MAJOR MINOR'");
        Option<string> file = CliOutput.Path("--file", "the archive to write");
        Command command = new("archive", "Write a cpio archive without times and owners, sorted: the same bytes from the same files.") { list, file };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            CpioArchive archive = new();
            foreach (string line in File.ReadLines(parsed.GetValue(list)!))
            {
                Add(archive, line);
            }

            File.WriteAllBytes(parsed.GetValue(file)!, archive.ToArray());
            return ExitCode.Done;
        });
        return command;
    }

    private static void Add(CpioArchive archive, string line)
    {
        try
        {
            switch (line.Split(' '))
            {
                case ["dir", { } name, { } mode]:
                    archive.AddFolder(name, Convert.ToUInt32(mode, 8));
                    break;
                case ["file", { } name, { } source, { } mode]:
                    archive.AddFile(name, Convert.ToUInt32(mode, 8), File.ReadAllBytes(source));
                    break;
                case ["nod", { } name, { } mode, "c", { } major, { } minor]:
                    archive.AddDevice(name, Convert.ToUInt32(mode, 8), uint.Parse(major, CultureInfo.InvariantCulture), uint.Parse(minor, CultureInfo.InvariantCulture));
                    break;
                default:
                    throw new FormatException();
            }
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            throw new CliException($"'{line}' is no line of an archive's list");
        }
    }
}
