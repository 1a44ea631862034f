using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Forms;
using Cloister.Cli.Output;

namespace Cloister.Cli.Evidence;

/// <summary><c>cloister evidence token</c>: what an attestation service said, and with its key whether it said it.</summary>
internal static class EvidenceTokenCommand
{
    internal static Command Create()
    {
        Argument<string> file = new("FILE") { Description = "a JWT, a KBS answer with one, or the claims of an EAR as JSON" };
        Option<string?> key = new("--key") { Description = "PEM file with the service's public key or certificate; without it nothing is verified" };
        Option<string?> at = new("--at") { Description = "moment at which it must count, RFC 3339; now when left out" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("token", "Show a token of an attestation service. With --key: exit 0 when that key signed it and it counts now, 2 when not.") { file, key, at, output };
        command.SetAction(parsed => Show(parsed.GetValue(file)!, parsed.GetValue(key), EvidenceVerifyCommand.ParseTime(parsed.GetValue(at)), parsed.GetValue(output)));
        return command;
    }

    private static int Show(string file, string? keyFile, VerificationTime time, OutputFormat output)
    {
        AttestationToken token;
        try
        {
            token = AttestationToken.Parse(EvidenceFiles.Read(file));
        }
        catch (EvidenceFormatException e)
        {
            throw new CliException($"'{file}' is no token that is known here: {e.Problem}", e.Code == "unknown_form" ? ExitCode.Usage : ExitCode.No);
        }

        bool? isSigned = null;
        if (keyFile is not null)
        {
            using AsymmetricAlgorithm key = ReadKey(keyFile);
            isSigned = token.IsSignedBy(key);
        }

        bool isVerified = isSigned == true && token.IsInTime(time);
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(Json(token, isSigned, isVerified, time));
        }
        else
        {
            Print(token, isSigned, isVerified, time);
        }

        return keyFile is null || isVerified ? ExitCode.Done : ExitCode.No;
    }

    private static JsonObject Json(AttestationToken token, bool? isSigned, bool isVerified, VerificationTime time) => new()
    {
        ["verified"] = isVerified,
        ["signed"] = isSigned,
        ["inTime"] = token.IsInTime(time),
        ["algorithm"] = token.Algorithm,
        ["issuer"] = token.Issuer,
        ["profile"] = token.Profile,
        ["issuedAt"] = token.IssuedAt is { } issued ? EvidenceJson.Moment(issued) : null,
        ["expiresAt"] = token.ExpiresAt is { } end ? EvidenceJson.Moment(end) : null,
        ["submods"] = new JsonArray([.. token.Submods.Select(submod => (JsonNode)new JsonObject
        {
            ["name"] = submod.Name,
            ["status"] = submod.Status,
            ["vector"] = new JsonArray([.. submod.Vector.Select(value => (JsonNode)new JsonObject { ["claim"] = value.Key, ["value"] = value.Value, ["tier"] = TokenSubmod.TierOf(value.Value) })]),
        })]),
        ["header"] = token.Header is { } header ? JsonNode.Parse(header.GetRawText()) : null,
        ["claims"] = JsonNode.Parse(token.Claims.GetRawText()),
    };

    private static void Print(AttestationToken token, bool? isSigned, bool isVerified, VerificationTime time)
    {
        List<IReadOnlyList<string>> rows =
        [
            ["verified", isVerified ? "yes" : isSigned is null ? "no key was given" : "NO"],
            ["signature", token.Header is null ? "none: claims alone" : isSigned switch { null => $"{token.Algorithm}, not verified", true => $"{token.Algorithm}, by this key", false => $"{token.Algorithm}, NOT by this key" }],
            ["in time", token.IsInTime(time) ? "yes" : "NO"],
            ["expires", token.ExpiresAt is { } end ? EvidenceJson.Moment(end) : "it does not say"],
            ["issuer", CliOutput.Shown(token.Issuer ?? "-")],
            ["profile", CliOutput.Shown(token.Profile ?? "-")],
        ];
        foreach (TokenSubmod submod in token.Submods)
        {
            rows.Add([CliOutput.Shown(submod.Name), CliOutput.Shown(submod.Status ?? "-")]);
            rows.AddRange(submod.Vector.Select(value => (IReadOnlyList<string>)[$"  {CliOutput.Shown(value.Key)}", $"{value.Value} ({TokenSubmod.TierOf(value.Value)})"]));
        }

        CliOutput.Table(["", ""], rows);
    }

    private static AsymmetricAlgorithm ReadKey(string file)
    {
        string pem = Encoding.ASCII.GetString(EvidenceFiles.Read(file));
        try
        {
            // At its beginning: a quote has certificates in PEM inside.
            if (pem.TrimStart().StartsWith("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
            {
                using X509Certificate2 certificate = X509Certificate2.CreateFromPem(pem);
                return certificate.GetECDsaPublicKey() ?? (AsymmetricAlgorithm?)certificate.GetRSAPublicKey() ?? throw new CryptographicException("neither ECDSA nor RSA");
            }

            return !pem.TrimStart().StartsWith("-----BEGIN", StringComparison.Ordinal) ? throw new CryptographicException("no PEM")
                : Imported(ECDsa.Create(), pem) ?? Imported(RSA.Create(), pem) ?? throw new CryptographicException("neither ECDSA nor RSA");
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new CliException($"--key: '{file}' has no public key or certificate of ECDSA or RSA in PEM");
        }
    }

    private static AsymmetricAlgorithm? Imported(AsymmetricAlgorithm key, string pem)
    {
        try
        {
            key.ImportFromPem(pem);
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            return null;
        }
    }
}
