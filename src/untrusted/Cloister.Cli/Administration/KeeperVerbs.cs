using System.CommandLine;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Output;
using Cloister.Recovery;
using Cloister.Release;

namespace Cloister.Cli.Administration;

/// <summary>
/// What a keeper of recovery shares does, without a broker: <c>cloister kek keeper-key|open-share</c>. secrets: his private key, and the share that he opens, in files that
/// only their owner can read.
/// </summary>
internal static class KeeperVerbs
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Everybody = OnlyOwner | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    internal static Command MakeKey()
    {
        Option<string> key = CliOutput.Path("--key", "new file for the private key, which only you can read");
        Option<string> publicKey = CliOutput.Path("--public", "new file for the public key, for who exports shares");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("keeper-key", "Make a keeper's key, to which recovery shares are sealed, and print its pin.") { key, publicKey, output };
        command.SetAction(parsed =>
        {
            using ECDiffieHellman made = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
            KeeperKey keeper = KeeperKey.Parse(made.ExportSubjectPublicKeyInfoPem());
            Write(parsed.GetValue(key)!, made.ExportPkcs8PrivateKeyPem(), OnlyOwner);
            Write(parsed.GetValue(publicKey)!, made.ExportSubjectPublicKeyInfoPem(), Everybody);
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject { ["pin"] = keeper.Pin, ["key"] = parsed.GetValue(key), ["public"] = parsed.GetValue(publicKey) });
            }
            else
            {
                Console.Out.WriteLine(keeper.Pin);
            }

            return ExitCode.Done;
        });
        return command;
    }

    internal static Command OpenShare()
    {
        Option<string> share = CliOutput.Path("--share", "file with a share that was sealed to you");
        Option<string> key = CliOutput.Path("--key", "file with your private key");
        Option<string> to = CliOutput.Path("--out", "new file for the share, which only you can read: remove it afterwards");
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("open-share", "Open a recovery share that was sealed to you, to restore or to drill with it: exit 2 when it is another keeper's.") { share, key, to, output };
        command.SetAction(parsed =>
        {
            string sealedShare = ShareFiles.Read(parsed.GetValue(share)!, "is no recovery share");
            using ECDiffieHellman keeper = Read(parsed.GetValue(key)!);
            string mine = KeeperKey.Parse(keeper.ExportSubjectPublicKeyInfoPem()).Thumbprint;
            if (SealedShare.KeeperOf(sealedShare) is { Length: > 0 } other && other != mine)
            {
                Console.Error.WriteLine($"cloister: the share is for the keeper {other}, your key is {mine}");
                return ExitCode.No;
            }

            RecoveryShare opened = Open(sealedShare, keeper);
            ShareFiles.WriteNew(parsed.GetValue(to)!, opened.ToText());
            if (parsed.GetValue(output) == OutputFormat.Json)
            {
                CliOutput.Json(new JsonObject
                {
                    ["subject"] = opened.Subject, ["share"] = opened.X, ["threshold"] = opened.Threshold, ["set"] = opened.SetId, ["file"] = parsed.GetValue(to),
                });
            }
            else
            {
                Console.Out.WriteLine(opened);
            }

            return ExitCode.Done;
        });
        return command;
    }

    private static RecoveryShare Open(string sealedShare, ECDiffieHellman keeper)
    {
        try
        {
            return RecoveryShare.Parse(SealedShare.Open(sealedShare, keeper));
        }
        catch (Exception e) when (e is FormatException or RecoveryShareException)
        {
            throw new CliException($"--share: {e.Message}");
        }
    }

    private static ECDiffieHellman Read(string file)
    {
        ECDiffieHellman key = ECDiffieHellman.Create();
        try
        {
            key.ImportFromPem(ShareFiles.Read(file, "is no private key"));
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new CliException($"{file} is not a private key of a keeper in PEM without a password; 'cloister kek keeper-key' makes one");
        }
    }

    private static void Write(string path, string text, UnixFileMode mode)
    {
        using FileStream stream = new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode });
        using StreamWriter writer = new(stream);
        writer.WriteLine(text);
    }
}
