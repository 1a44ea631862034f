using Amazon.KeyManagementService.Model;
using Amazon.Runtime;
using Cloister.Contracts.Keys;

namespace Cloister.KeyStores.Aws;

/// <summary>What the service's errors mean.</summary>
internal static class AwsKmsFailures
{
    public static KeyStoreException Of(KekIdentity? kek, Exception e)
    {
        string code = (e as AmazonServiceException)?.ErrorCode ?? "";
        KeyStoreFailure failure = e switch
        {
            NotFoundException => KeyStoreFailure.Unknown,
            AlreadyExistsException => KeyStoreFailure.Exists,
            InvalidCiphertextException or IncorrectKeyException or DisabledException or KMSInvalidStateException or InvalidKeyUsageException => KeyStoreFailure.Denied,
            _ when code is "AccessDeniedException" or "UnrecognizedClientException" or "InvalidSignatureException" or "ExpiredTokenException" or "ValidationException" => KeyStoreFailure.Denied,
            _ => KeyStoreFailure.Unavailable,
        };
        string what = code.Length == 0 ? "does not answer" : $"answers {code}";
        return new KeyStoreException(failure, kek is null ? $"AWS KMS {what}" : $"AWS KMS {what} for KEK {kek.Fingerprint()}", e);
    }
}
