using System.Runtime.InteropServices;
using Cloister.Attestation.Verify.Dcap;

namespace Cloister.Collateral;

/// <summary>
/// Writes the folders that <see cref="DirectoryCollateralSource"/> and <see cref="DirectorySnpSource"/> read. A folder is replaced as a whole: who reads it, and a
/// machine that loses power, has the one of before or the new one.
/// </summary>
public static partial class CollateralFolder
{
    private const int CurrentDirectory = -100; // AT_FDCWD
    private const uint Exchange = 2; // RENAME_EXCHANGE
    private static readonly TimeSpan LeftBehindAfter = TimeSpan.FromHours(1);

    /// <summary>The files of collateral for SGX and TDX.</summary>
    /// <param name="standard">What counts.</param>
    /// <param name="early">What may count soon; null: none.</param>
    public static IReadOnlyList<(string Name, ReadOnlyMemory<byte> Content)> FilesOf(DcapCollateral standard, DcapCollateral? early) =>
        [.. FilesOf(standard), .. early is null ? [] : FilesOf(early).Select(file => (Path.Combine(DirectoryCollateralSource.EarlyName, file.Name), file.Content))];

    /// <summary>Puts a folder with these files, and no others, in the place of the one that is there.</summary>
    /// <param name="root">The directory that a broker reads; made when it is absent.</param>
    /// <param name="name">The folder in it.</param>
    /// <param name="files">Names, and what is in them.</param>
    /// <exception cref="IOException">It cannot be written; what was there is there.</exception>
    public static void Replace(string root, string name, IReadOnlyList<(string Name, ReadOnlyMemory<byte> Content)> files)
    {
        ArgumentNullException.ThrowIfNull(files);
        Directory.CreateDirectory(root);
        foreach (string old in Directory.GetDirectories(root, ".new-*").Where(one => DateTime.UtcNow - Directory.GetLastWriteTimeUtc(one) > LeftBehindAfter))
        {
            Directory.Delete(old, recursive: true);
        }

        string place = Path.Combine(root, name);
        string made = Path.Combine(root, $".new-{name}-{Guid.NewGuid():N}");
        try
        {
            foreach ((string file, ReadOnlyMemory<byte> content) in files)
            {
                string path = Path.Combine(made, file);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write);
                stream.Write(content.Span);
                stream.Flush(flushToDisk: true);
            }

            Swap(made, place);
        }
        finally
        {
            if (Directory.Exists(made))
            {
                Directory.Delete(made, recursive: true);
            }
        }
    }

    private static void Swap(string made, string place)
    {
        if (!Directory.Exists(place))
        {
            Directory.Move(made, place);
        }
        else if (RenameAt(CurrentDirectory, made, CurrentDirectory, place, Exchange) != 0)
        {
            // A file system that cannot exchange two names, such as a USB stick's: for a moment there is none.
            string aside = made + "-old";
            Directory.Move(place, aside);
            Directory.Move(made, place);
            Directory.Delete(aside, recursive: true);
        }
    }

    private static IEnumerable<(string Name, ReadOnlyMemory<byte> Content)> FilesOf(DcapCollateral collateral)
    {
        ArgumentNullException.ThrowIfNull(collateral);
        (string, ReadOnlyMemory<byte>)[] all =
        [
            ("tcb_info.json", collateral.TcbInfo), ("qe_identity.json", collateral.QeIdentity), ("tcb_signing_chain.pem", collateral.TcbSigningChain),
            ("qe_identity_chain.pem", collateral.QeIdentityChain), ("pck_crl.der", collateral.PckCrl), ("pck_crl_issuer_chain.pem", collateral.PckCrlIssuerChain),
            ("root_ca_crl.der", collateral.RootCaCrl),
        ];
        return all.Where(file => !file.Item2.IsEmpty);
    }

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt(int fromDirectory, string from, int toDirectory, string to, uint flags);
}
