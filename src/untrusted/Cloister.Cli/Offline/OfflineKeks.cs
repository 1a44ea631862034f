using System.Security.Cryptography;
using Cloister.Cli.Kek;
using Cloister.Recovery;

namespace Cloister.Cli.Offline;

/// <summary>KEKs in the hands of their owner: from files, or restored from shares. secrets: the KEKs, wiped when disposed of.</summary>
internal sealed class OfflineKeks : IDisposable
{
    private readonly List<byte[]> _keks = [];

    private OfflineKeks()
    {
    }

    internal IReadOnlyList<byte[]> Keks => _keks;

    /// <param name="files">Each holds a KEK: 32 bytes, or 64 hexadecimal digits.</param>
    /// <param name="shareFiles">Each holds a share; those that belong together are put together.</param>
    /// <exception cref="CliException">Nothing is given, or one of them is not what it should be.</exception>
    internal static OfflineKeks Read(IReadOnlyList<string> files, IReadOnlyList<string> shareFiles)
    {
        if (files.Count + shareFiles.Count == 0)
        {
            throw new CliException("give the KEK: --kek FILE, or --share FILE for as many recovery shares as restore it");
        }

        OfflineKeks keks = new();
        try
        {
            foreach (string file in files)
            {
                keks._keks.Add(Read(file, stream => KekInput.Read(stream, file)));
            }

            foreach (IGrouping<string, RecoveryShare> set in shareFiles.Select(ReadShare).GroupBy(share => share.SetId))
            {
                keks._keks.Add(Combine([.. set]));
            }

            return keks;
        }
        catch
        {
            keks.Dispose();
            throw;
        }
    }

    /// <summary>Wipes them.</summary>
    public void Dispose() => _keks.ForEach(kek => CryptographicOperations.ZeroMemory(kek));

    private static byte[] Combine(IReadOnlyList<RecoveryShare> shares)
    {
        byte[] kek = GC.AllocateArray<byte>(RecoveryShares.KekSize, pinned: true);
        try
        {
            RecoveryShares.Combine(shares, kek);
            return kek;
        }
        catch (RecoveryShareException e)
        {
            throw new CliException($"--share: {e.Message} ({shares[0].Subject})");
        }
    }

    private static RecoveryShare ReadShare(string file)
    {
        try
        {
            return RecoveryShare.Parse(Read(file, stream =>
            {
                using StreamReader reader = new(stream);
                return reader.ReadToEnd();
            }));
        }
        catch (RecoveryShareException e)
        {
            throw new CliException($"--share: {file}: {e.Message}");
        }
    }

    private static T Read<T>(string file, Func<Stream, T> read)
    {
        try
        {
            using FileStream stream = File.OpenRead(file);
            return read(stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{file} cannot be read: {e.Message}");
        }
    }
}
